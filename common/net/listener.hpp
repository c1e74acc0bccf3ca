#pragma once

#include "common/config/host_port.hpp"
#include "common/net/io_threads.hpp"
#include "common/net/socket_stream.hpp"

#include <functional>
#include <memory>

namespace sluice::net {

// Accepts TCP connections on every worker (SO_REUSEPORT: one acceptor a thread), so that a
// connection lives on the thread that accepted it. Errors such as EMFILE are logged, waited out
// with backoff and never end the listener.
class Listener {
public:
    // Called on the accepting worker's thread; `worker` is its index.
    using OnAccept = std::function<void(std::size_t worker, std::unique_ptr<SocketStream> stream)>;

    // Binds and listens at once. Throws StartupError ("cannot listen on host:port: reason").
    Listener(IoThreads& threads, const config::HostPort& address, OnAccept on_accept);
    ~Listener();

    // Begins to accept; after IoThreads::start or before.
    void start();
    // Stops accepting and closes the sockets; any thread. Returns when no worker accepts any more
    // is not promised: a connection already accepted may still be delivered.
    void close();
    // The real port (of interest when 0 was asked for).
    std::uint16_t port() const { return port_; }

private:
    struct Acceptor;
    std::vector<std::shared_ptr<Acceptor>> acceptors_;
    std::uint16_t port_ = 0;
};

}  // namespace sluice::net
