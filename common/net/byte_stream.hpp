#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "common/base/bytes.hpp"
#include "common/base/time.hpp"
#include "common/net/asio.hpp"

namespace sluice::net {

// A connected, ordered, reliable stream of bytes: plain TCP, a Unix socket, or TLS over either.
// One thread (the one whose io_context runs it); at most one read and one write at a time, which
// may overlap. Errors carry kind peer; is_disconnect() tells the ordinary ends.
// Cancelling a coroutine that waits in read_some or write_some loses no byte and leaves the stream usable.
class ByteStream {
public:
    virtual ~ByteStream() = default;
    ByteStream(const ByteStream&) = delete;
    ByteStream& operator=(const ByteStream&) = delete;

    // Waits for at least one byte and reads up to into.size(); 0 is the end of the stream.
    virtual Awaitable<Result<std::size_t>> read_some(ByteSpan into) = 0;
    // Waits until at least one byte was taken.
    virtual Awaitable<Result<std::size_t>> write_some(ByteView bytes) = 0;

    // The same without waiting. would_block is in `status`, everything else in `count`/`error`.
    struct Attempt {
        enum class Status { done, would_block, end, failed } status;
        std::size_t count = 0;                 // done
        boost::system::error_code error = {};  // failed
    };
    virtual Attempt try_read(ByteSpan into) = 0;
    virtual Attempt try_write(ByteView bytes) = 0;

    // Says that nothing more will be sent (TLS: close_notify first), keeps reading possible.
    virtual Awaitable<Result<void>> shutdown_send() = 0;
    // Gives the socket up at once; pending operations end with operation_canceled.
    virtual void close() = 0;

    // From this moment on, waiting operations fail with timed_out. no_deadline ends that.
    virtual void set_deadline(Deadline deadline) = 0;

    // "198.51.100.7:53122" or "unix".
    virtual std::string peer() const = 0;
    // Address without port; empty for Unix sockets.
    virtual std::string peer_address() const = 0;
    // True for TLS.
    virtual bool encrypted() const = 0;

    // write_some until everything is sent.
    Awaitable<Result<void>> write_all(ByteView bytes);

protected:
    ByteStream() = default;
};

}  // namespace sluice::net
