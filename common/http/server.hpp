#pragma once

#include "common/config/host_port.hpp"
#include "common/http/router.hpp"
#include "common/net/io_threads.hpp"
#include "common/net/tls_context.hpp"

#include <functional>
#include <memory>

namespace sluice::http {

// HTTP/1.1 over plain TCP or TLS, one coroutine a connection, on the given workers.
// Bounds: header 16 KiB, body `body_bytes_max`, 30 s for a request, 60 s idle keep-alive,
// `connections_max` at once (further ones are closed). Targets with ".." segments, control
// characters or malformed %XX are answered 400 before the router sees them.
// Stop the threads before destroying what handlers refer to: busy connections outlive the server.
class Server {
public:
    struct Options {
        config::HostPort address;
        std::shared_ptr<net::ReloadingTlsContext> tls;  // null = plain
        std::size_t body_bytes_max = 1U << 20U;
        std::size_t connections_max = 1024;
        // Called after every response, on its worker's thread: for metrics and access logs.
        // `pattern` is the route's pattern, "" when none matched. The request comes without its body.
        std::function<void(const Request&, const Response&, const std::string& pattern)>
            on_response;
    };
    // Binds; throws StartupError. The router must not change after start().
    Server(net::IoThreads& threads, Options options, Router router);
    ~Server();
    void start();
    // Stops accepting; idle connections close now, busy ones after their response. Any thread.
    void close();
    std::uint16_t port() const;
    // Connections that are open now; 0 after close() when all responses are out.
    std::size_t connections() const;

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace sluice::http
