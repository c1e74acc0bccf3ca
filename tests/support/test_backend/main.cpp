#include "common/base/startup_error.hpp"
#include "common/crypto/random_bytes.hpp"
#include "common/observability/log.hpp"
#include "tests/support/test_backend/test_server.hpp"

#include <CLI/CLI.hpp>

#include <iostream>
#include <map>
#include <string>

namespace {

constexpr const char* description =
    "sluice-test-backend: PostgresBackend with a few commands, for tests with real clients. "
    "Prints\n"
    "\"listening on PORT\"; SIGTERM ends it. The commands: tests/support/test_backend.";

using Authentication = sluice::pg::PostgresBackend::Authentication;
using sluice::pg::PasswordMethod;

const std::map<std::string, Authentication> authentications = {
    {"trust", Authentication::trust},
    {"jwt", Authentication::jwt},
    {"password", Authentication::password},
};

const std::map<std::string, PasswordMethod> password_methods = {
    {"cleartext", PasswordMethod::cleartext},
    {"md5", PasswordMethod::md5},
    {"scram", PasswordMethod::scram},
};

struct Arguments {
    sluice::test_backend::Options options;
    std::string log_level = "info";
    long login_timeout = 15'000;
    long idle_timeout = 0;
};

void add_options(CLI::App& app, Arguments& arguments) {
    auto& options = arguments.options;
    app.add_option("--tls-certificate", options.certificate, "PEM file; without it no TLS");
    app.add_option("--tls-key", options.key, "PEM file");
    app.add_flag("--tls-required", options.tls_required, "Refuse plain connections");
    app.add_option("--auth", options.authentication, "How clients prove who they are")
        ->transform(CLI::CheckedTransformer(authentications));
    app.add_option("--token-key", options.token_key, "PEM file, the public key of --auth jwt");
    app.add_flag("--tenant-tokens", options.tenant_tokens, "The tokens of --auth jwt are Neon's");
    app.add_option("--password-method", options.password_method, "With --auth password")
        ->transform(CLI::CheckedTransformer(password_methods));
    app.add_option("--roles", options.roles, "File with a line \"name verifier\" for each role");
    app.add_option("--threads", options.threads, "Worker threads");
    app.add_option("--query-bytes-max", options.query_bytes_max, "Limit of one message");
    app.add_option("--login-timeout", arguments.login_timeout, "Milliseconds");
    app.add_option("--idle-timeout", arguments.idle_timeout, "Milliseconds; 0: none");
    app.add_option("--log-level", arguments.log_level, "debug, info, ...");
}

int run(Arguments& arguments) {
    using namespace sluice;
    crypto::initialise();
    log::configure("test-backend", arguments.log_level, "json");
    arguments.options.login_timeout = std::chrono::milliseconds(arguments.login_timeout);
    if (arguments.idle_timeout > 0) {
        arguments.options.idle_timeout = std::chrono::milliseconds(arguments.idle_timeout);
    }
    test_backend::TestServer server(arguments.options);
    std::cout << "listening on " << server.port() << std::endl;
    return server.run() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app(description);
    Arguments arguments;
    add_options(app, arguments);
    CLI11_PARSE(app, argc, argv);
    try {
        return run(arguments);
    } catch (const sluice::StartupError& error) {
        std::cerr << "sluice-test-backend: " << error.what() << '\n';
        return 1;
    }
}
