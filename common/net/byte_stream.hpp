#pragma once

#include "common/base/bytes.hpp"
#include "common/base/time.hpp"
#include "common/net/asio.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace sluice::net {

// A connected, ordered, reliable stream of bytes: plain TCP, a Unix socket, or TLS over either.
// One thread (the one whose io_context runs it); at most one read and one write at a time, which
// may overlap. Errors carry kind peer; is_disconnect() tells the ordinary ends. A stream must
// outlive its operations.
//
// Cancelling a coroutine that waits in read_some or write_some ends the wait with
// operation_canceled as a value, loses no byte and leaves the stream usable; a cancelled (or timed
// out) write is continued with the same bytes or not at all, because TLS may have sealed them
// already. In a coroutine that is cancelled, operations do what needs no waiting and otherwise
// return operation_canceled, so a loop ends however the cancellation met it; who has to wait in
// it for cleanup calls this_coro::reset_cancellation_state() first. Nothing here throws; the
// operations leave the coroutine in throw_if_cancelled(false).
class ByteStream {
public:
    virtual ~ByteStream() = default;
    ByteStream(const ByteStream&) = delete;
    ByteStream& operator=(const ByteStream&) = delete;

    // Waits for at least one byte and reads up to into.size(), which is not 0; 0 is the end of the
    // stream.
    virtual Awaitable<Result<std::size_t>> read_some(ByteSpan into) = 0;
    // Waits until at least one byte was taken.
    virtual Awaitable<Result<std::size_t>> write_some(ByteView bytes) = 0;

    // The same without waiting.
    struct Attempt {
        enum class Status { done, would_block, end, failed } status;
        std::size_t count = 0;                 // done
        boost::system::error_code error = {};  // failed
        bool more = false;                     // done: another try_read now may find something
    };
    virtual Attempt try_read(ByteSpan into) = 0;
    virtual Attempt try_write(ByteView bytes) = 0;

    // Says that nothing more will be sent (TLS: close_notify first), keeps reading possible. May be
    // called again, to finish what was cancelled or without effect.
    virtual Awaitable<Result<void>> shutdown_send() = 0;
    // Gives the socket up at once; pending operations end with operation_canceled.
    virtual void close() = 0;

    // Takes the socket out of its io_context. From then on only try_read, try_write,
    // try_shutdown_send, close, native_handle and the questions below may be used, by one thread at
    // a time, which waits for readiness by its own means. Set no deadline before.
    virtual void detach() = 0;
    virtual int native_handle() const = 0;
    // shutdown_send without waiting; after would_block call again when the socket is writable.
    virtual Attempt try_shutdown_send() = 0;

    // From this moment on, waiting operations fail with timed_out. no_deadline ends that.
    virtual void set_deadline(Deadline deadline) = 0;

    // "198.51.100.7:53122" or "unix".
    virtual std::string peer() const = 0;
    // Address without port; empty for Unix sockets.
    virtual std::string peer_address() const = 0;
    // True for TLS.
    virtual bool encrypted() const = 0;
    // tls-server-end-point data (RFC 5929) that binds SCRAM to the encrypted channel; empty
    // without TLS and where the certificate's signature defines none.
    virtual Bytes channel_binding() const { return {}; }

    // write_some until everything is sent. Errors: as write_some, nothing_written_error().
    Awaitable<Result<void>> write_all(ByteView bytes);

protected:
    ByteStream() = default;
};

// For write loops: a stream that takes nothing would keep them busy for ever. Kind peer.
Error nothing_written_error();

}  // namespace sluice::net
