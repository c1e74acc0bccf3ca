#include "common/config/service_config.hpp"

#include "common/base/text.hpp"

#include <fstream>

namespace sluice::config {

namespace {

constexpr std::size_t secret_bytes_max = 64U << 10U;

void read_admin(Section& root, ServiceConfig& config) {
    auto admin = root.section("admin");
    if (!admin) return;
    config.admin = read_host_port(*admin, "listen");
    admin->finish();
}

void read_log(Section& root, ServiceConfig& config) {
    auto log = root.section("log");
    if (!log) return;
    config.log_level = log->choice<std::string>("level",
                                                config.log_level,
                                                {{"trace", "trace"},
                                                 {"debug", "debug"},
                                                 {"info", "info"},
                                                 {"warn", "warn"},
                                                 {"error", "error"}});
    config.log_format = log->choice<std::string>(
        "format", config.log_format, {{"auto", "auto"}, {"text", "text"}, {"json", "json"}});
    log->finish();
}

void read_shutdown(Section& root, ServiceConfig& config) {
    auto shutdown = root.section("shutdown");
    if (!shutdown) return;
    config.shutdown_delay = shutdown->duration("delay", config.shutdown_delay);
    config.shutdown_deadline = shutdown->duration("deadline", config.shutdown_deadline);
    shutdown->finish();
}

}  // namespace

ServiceConfig ServiceConfig::read(Section& root) {
    ServiceConfig config;
    read_admin(root, config);
    read_log(root, config);
    read_shutdown(root, config);
    config.threads = static_cast<unsigned>(root.integer("threads", config.threads, 0, 1024));
    return config;
}

HostPort read_host_port(Section& section, const std::string& key) {
    const std::string text = section.required_text(key);
    auto parsed = HostPort::parse(text);
    if (!parsed) {
        section.fail(key,
                     "expected host:port such as 127.0.0.1:5440 or [::1]:5440, got '" +
                         printable(text) + "'");
    }
    return *std::move(parsed);
}

std::string read_secret_file(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    std::string content(secret_bytes_max + 1, '\0');
    if (in) in.read(content.data(), static_cast<std::streamsize>(content.size()));
    if (!in.is_open() || in.bad()) throw StartupError(file.string() + ": cannot be read");
    content.resize(static_cast<std::size_t>(in.gcount()));
    if (content.size() > secret_bytes_max)
        throw StartupError(file.string() + ": too large for a secret");
    if (content.ends_with('\n')) content.pop_back();
    if (content.ends_with('\r')) content.pop_back();
    if (content.empty()) throw StartupError(file.string() + ": is empty, a secret was expected");
    return content;
}

}  // namespace sluice::config
