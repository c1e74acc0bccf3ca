#include "tests/support/socket_pair.hpp"

#include "common/base/assert.hpp"

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <sys/socket.h>

namespace sluice::test {

namespace {

StreamPair unix_pair_of(int type, boost::asio::io_context& context) {
    int ends[2];
    SLUICE_ASSERT(::socketpair(AF_UNIX, type, 0, ends) == 0);
    net::StreamSocket client(context, {AF_UNIX, 0}, ends[0]);
    net::StreamSocket server(context, {AF_UNIX, 0}, ends[1]);
    return {std::make_unique<net::SocketStream>(std::move(client)),
            std::make_unique<net::SocketStream>(std::move(server))};
}

}  // namespace

StreamPair tcp_pair(boost::asio::io_context& context) {
    using boost::asio::ip::tcp;
    tcp::acceptor acceptor(context, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
    net::StreamSocket client(context);
    client.connect(acceptor.local_endpoint());
    const int accepted = ::accept(acceptor.native_handle(), nullptr, nullptr);
    SLUICE_ASSERT(accepted >= 0);
    net::StreamSocket server(context, {AF_INET, IPPROTO_TCP}, accepted);
    return {std::make_unique<net::SocketStream>(std::move(client)),
            std::make_unique<net::SocketStream>(std::move(server))};
}

StreamPair unix_pair(boost::asio::io_context& context) {
    return unix_pair_of(SOCK_STREAM, context);
}

StreamPair packet_pair(boost::asio::io_context& context) {
    return unix_pair_of(SOCK_SEQPACKET, context);
}

StreamPair narrow_pair(boost::asio::io_context& context) {
    auto pair = unix_pair(context);
    for (const auto* stream : {pair.client.get(), pair.server.get()}) {
        const int least = 1;
        ::setsockopt(stream->native_handle(), SOL_SOCKET, SO_SNDBUF, &least, sizeof least);
    }
    return pair;
}

}  // namespace sluice::test
