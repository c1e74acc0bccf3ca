#include "common/crypto/random_bytes.hpp"
#include "tests/support/test_client/commands.hpp"

#include <CLI/CLI.hpp>
#include <boost/asio/co_spawn.hpp>

#include <chrono>
#include <exception>
#include <iostream>

namespace {

constexpr const char* description =
    "sluice-test-client: PostgresClient from the command line, for tests with real servers.\n"
    "The commands: tests/support/test_client/commands.hpp.";

int run(sluice::test_client::Options options) {
    using namespace sluice;
    crypto::initialise();
    boost::asio::io_context context(1);
    net::BlockingPool pool(1);
    options.pool = &pool;
    int status = 1;
    boost::asio::co_spawn(context,
                          test_client::run_command(context, std::move(options)),
                          [&](const std::exception_ptr& failure, int ended) {
                              status = ended;
                              context.stop();
                              if (failure) std::rethrow_exception(failure);
                          });
    context.run();
    return status;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app(description);
    sluice::test_client::Options options;
    long timeout = 30'000;
    app.add_option("conninfo", options.conninfo, "A connection string")->required();
    app.add_option("command", options.command, "What to do")->required();
    app.add_option("arguments", options.arguments, "Of the command");
    app.add_option("--timeout", timeout, "Milliseconds for everything");
    CLI11_PARSE(app, argc, argv);
    options.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout);
    try {
        return run(std::move(options));
    } catch (const std::exception& error) {
        std::cerr << "none " << error.what() << std::endl;
        return 3;
    }
}
