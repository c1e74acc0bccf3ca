#include "common/crypto/random_bytes.hpp"
#include "common/observability/log.hpp"
#include "proxy/proxy.hpp"

#include <CLI/CLI.hpp>

#include <iostream>

namespace {

constexpr const char* description = R"(sluice-proxy: the front door of PostgreSQL servers.

Clients connect with any PostgreSQL driver. A listener either prints a link that a person approves
in the browser (auth: link) or lets the server authenticate (auth: forward).

Example:
  sluice-proxy --config /etc/sluice/proxy.yaml --check-config
  sluice-proxy --config /etc/sluice/proxy.yaml

SIGTERM drains and stops, SIGHUP reloads configuration and certificates.
The configuration is described in docs/sluice-proxy.md.)";

int run(const std::filesystem::path& config_file, bool check_only) {
    using namespace sluice;
    crypto::initialise();
    auto config = proxy::ProxyConfig::load_with_files(config_file);
    if (check_only) {
        std::cout << config_file.string() << ": ok\n";
        return 0;
    }
    log::configure("proxy", config.service.log_level, config.service.log_format);
    proxy::Proxy proxy(std::move(config), config_file);
    proxy.run();
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app(description);
    std::string config_file;
    bool check_only = false;
    app.add_option("--config", config_file, "Configuration file (YAML)");
    app.add_flag(
        "--check-config", check_only, "Check the configuration and the files it names, and exit");
    app.set_version_flag("--version", "sluice-proxy " SLUICE_VERSION);
    app.failure_message([](const CLI::App*, const CLI::Error& error) {
        return std::string("error: ") + error.what() + "\nRun with --help for more information.\n";
    });
    try {
        app.parse(argc, argv);
        // Not required(): a word that is wrong is named first.
        if (config_file.empty()) throw CLI::RequiredError("--config");
    } catch (const CLI::ParseError& error) {
        const int status = app.exit(error);
        return status == 0 ? 0 : 2;
    }
    try {
        return run(config_file, check_only);
    } catch (const sluice::StartupError& error) {
        std::cerr << "sluice-proxy: " << error.what() << '\n';
        return 1;
    }
}
