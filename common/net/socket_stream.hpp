#pragma once

#include <memory>
#include <optional>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>

#include "common/net/byte_stream.hpp"

namespace sluice::net {

using StreamSocket = boost::asio::basic_stream_socket<boost::asio::generic::stream_protocol,
                                                      boost::asio::io_context::executor_type>;

// A plain TCP or Unix socket. Owns the socket; its io_context must outlive it.
class SocketStream final : public ByteStream {
public:
    // The socket must be connected; it becomes non-blocking, TCP ones get TCP_NODELAY and
    // keepalive (60 s idle, 10 s apart, 3 probes) and TCP_USER_TIMEOUT of 90 s.
    explicit SocketStream(StreamSocket socket);
    ~SocketStream() override;

    Awaitable<Result<std::size_t>> read_some(ByteSpan into) override;
    Awaitable<Result<std::size_t>> write_some(ByteView bytes) override;
    Attempt try_read(ByteSpan into) override;
    Attempt try_write(ByteView bytes) override;
    Awaitable<Result<void>> shutdown_send() override;
    void close() override;
    void set_deadline(Deadline deadline) override;
    std::string peer() const override;
    std::string peer_address() const override;
    bool encrypted() const override { return false; }

    StreamSocket& socket() { return socket_; }
    bool expired() const;

private:
    StreamSocket socket_;
    // Made at the first deadline: an established idle session has none.
    std::unique_ptr<boost::asio::basic_waitable_timer<std::chrono::steady_clock>> timer_;
    Deadline deadline_ = no_deadline;
};

}  // namespace sluice::net
