#pragma once

#include "common/net/socket_stream.hpp"

#include <memory>

namespace sluice::test {

struct StreamPair {
    std::unique_ptr<net::SocketStream> client;
    std::unique_ptr<net::SocketStream> server;
};

// Two ends of a TCP connection over loopback; both live in `context`.
StreamPair tcp_pair(boost::asio::io_context& context);
// Two ends of a Unix socket pair.
StreamPair unix_pair(boost::asio::io_context& context);
// The same, but a read takes what one write has sent, never more, and loses what it has no room for.
StreamPair packet_pair(boost::asio::io_context& context);
// A Unix socket pair with buffers as small as the kernel allows (a few KiB), so that a writer blocks soon.
StreamPair narrow_pair(boost::asio::io_context& context);

}  // namespace sluice::test
