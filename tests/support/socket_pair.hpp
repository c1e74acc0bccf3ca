#pragma once

#include <memory>

#include "common/net/socket_stream.hpp"

namespace sluice::test {

struct StreamPair {
    std::unique_ptr<net::SocketStream> client;
    std::unique_ptr<net::SocketStream> server;
};

// Two ends of a TCP connection over loopback; both live in `context`.
StreamPair tcp_pair(boost::asio::io_context& context);
// Two ends of a Unix socket pair.
StreamPair unix_pair(boost::asio::io_context& context);
// Send and receive buffers as small as the kernel allows, so that a writer blocks soon.
void shrink_buffers(net::SocketStream& stream);

}  // namespace sluice::test
