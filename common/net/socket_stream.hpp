#pragma once

#include "common/net/byte_stream.hpp"
#include "common/net/deadline_timer.hpp"

#include <memory>
#include <string>

namespace sluice::net {

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
    void detach() override;
    int native_handle() const override;
    Attempt try_shutdown_send() override;
    void set_deadline(Deadline deadline) override;
    std::string peer() const override;
    std::string peer_address() const override;
    bool encrypted() const override { return false; }

    bool is_open() const { return detached_ >= 0 || socket_.is_open(); }
    // True while the deadline has passed.
    bool expired() const { return deadline_.expired(); }
    // Waits until the socket is ready, without an operation on it. Empty, or why it ended:
    // timed_out, operation_canceled (also when the coroutine was cancelled before).
    Awaitable<boost::system::error_code> wait(boost::asio::socket_base::wait_type type);

private:
    mutable StreamSocket socket_;
    int detached_ = -1;  // the descriptor once it left socket_
    DeadlineTimer deadline_;
    std::string peer_;
};

}  // namespace sluice::net
