#include "auth/service/app.hpp"
#include "common/base/startup_error.hpp"
#include "common/crypto/random_bytes.hpp"
#include "common/observability/log.hpp"

#include <CLI/CLI.hpp>

#include <sys/stat.h>

#include <filesystem>
#include <iostream>
#include <string>

namespace {

constexpr const char* version = "sluice-auth " SLUICE_VERSION;

constexpr const char* description =
    "The web service behind the links that sluice-proxy prints: people sign in, see what a\n"
    "connection asks for, and approve or deny it.\n";

constexpr const char* examples =
    "\nExamples:\n"
    "  sluice-auth --config auth.yaml --check-config     is the configuration right?\n"
    "  sluice-auth --config auth.yaml                    serve until SIGTERM\n"
    "\nA small configuration (paths are relative to its folder):\n"
    "  listen: 127.0.0.1:8480\n"
    "  public_url: http://127.0.0.1:8480\n"
    "  database: auth/auth.db\n"
    "  seal_key: keys/seal.key                64 hex digits: openssl rand -hex 32\n"
    "  management_key: keys/management.key    openssl genpkey -algorithm ed25519\n"
    "  proxies:\n"
    "    - {name: local, management: \"127.0.0.1:7000\"}\n"
    "  tokens:\n"
    "    - {name: proxy, file: keys/proxy.token, scope: proxy}\n"
    "    - {name: admin, file: keys/admin.token, scope: admin}\n"
    "  admin: {listen: 127.0.0.1:9480}        /metrics /livez /readyz\n"
    "\nSignals: SIGTERM stops gracefully, SIGHUP reads log level, tokens and certificates again.\n"
    "Users, targets and grants: sluicectl user|target|grant add.\n";

struct Flags {
    std::string config;
    bool check_config = false;
};

int run(const Flags& flags) {
    sluice::crypto::initialise();
    const std::filesystem::path file = std::filesystem::absolute(flags.config);
    auto config = sluice::auth::load_config_with_files(file);
    if (flags.check_config) {
        std::cout << file.string() << ": ok\n";
        return 0;
    }
    sluice::log::configure("sluice-auth", config.service.log_level, config.service.log_format);
    sluice::auth::App app(std::move(config), file);
    app.run();
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    // What it writes is for its own user: database, audit log.
    ::umask(077);
    Flags flags;
    CLI::App command(description, "sluice-auth");
    command.footer(examples);
    command.add_option("--config,-c", flags.config, "Configuration file (YAML)")->type_name("FILE");
    command.add_flag("--check-config",
                     flags.check_config,
                     "Check the configuration and the files it names, and exit");
    command.set_version_flag("--version", version);
    command.failure_message([](const CLI::App*, const CLI::Error& error) {
        return std::string("error: ") + error.what() + "\nRun with --help for more information.\n";
    });
    try {
        command.parse(argc, argv);
        // Not required(): a word that is wrong is named first.
        if (flags.config.empty()) throw CLI::RequiredError("--config");
    } catch (const CLI::ParseError& error) {
        return command.exit(error) == 0 ? 0 : 2;
    }
    try {
        return run(flags);
    } catch (const sluice::StartupError& error) {
        std::cerr << "sluice-auth: " << error.what() << '\n';
        return 1;
    } catch (const std::exception& error) {
        std::cerr << "sluice-auth: cannot start: " << error.what() << '\n';
        return 1;
    }
}
