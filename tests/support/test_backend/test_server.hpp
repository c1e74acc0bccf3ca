#pragma once

#include "common/net/io_threads.hpp"
#include "common/net/listener.hpp"
#include "common/net/shutdown.hpp"
#include "common/net/task_group.hpp"
#include "tests/support/test_backend/command_handler.hpp"

#include <filesystem>
#include <memory>
#include <vector>

namespace sluice::test_backend {

struct Options {
    config::HostPort listen{"127.0.0.1", 0};
    std::filesystem::path certificate;  // empty: no TLS
    std::filesystem::path key;
    bool tls_required = false;
    pg::PostgresBackend::Authentication authentication = pg::PostgresBackend::Authentication::trust;
    std::filesystem::path token_key;  // PEM, for Authentication::jwt
    bool tenant_tokens = false;       // of backend/auth/token_scope.hpp, not of jwt.hpp
    pg::PasswordMethod password_method = pg::PasswordMethod::scram;
    std::filesystem::path roles;  // lines "name verifier", for Authentication::password
    unsigned threads = 2;
    std::size_t query_bytes_max = 1U << 20U;
    std::chrono::milliseconds login_timeout{15'000};
    std::optional<std::chrono::milliseconds> idle_timeout;
};

// PostgresBackend with a CommandHandler for every connection to a port. SIGTERM ends it.
class TestServer {
public:
    // Binds the port. Throws StartupError.
    explicit TestServer(const Options& options);
    ~TestServer();
    std::uint16_t port() const { return listener_->port(); }
    // Serves until SIGTERM; false when sessions did not end in time.
    bool run();

private:
    struct Worker;
    net::Awaitable<void> serve(Worker& worker, std::unique_ptr<net::SocketStream> stream);
    net::Awaitable<void> shut_down();

    pg::PostgresBackend::Options backend_options_;
    Shared shared_;
    boost::asio::io_context main_context_{1};
    net::IoThreads threads_;
    std::vector<std::unique_ptr<Worker>> workers_;
    std::unique_ptr<net::Listener> listener_;
    std::unique_ptr<net::Signals> signals_;
    bool all_ended_ = false;
};

}  // namespace sluice::test_backend
