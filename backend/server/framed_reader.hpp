#pragma once

#include "backend/protocol/frame.hpp"
#include "common/net/byte_stream.hpp"

#include <optional>

namespace sluice::pg {

// The receiving half of a framed stream: the read buffer and how far it is consumed. It does not
// own the stream, which must outlive it. One thread, one operation at a time; a writer on the same
// stream may work meanwhile. Movable while no operation is under way. After an error only the
// stream's owner knows whether to go on; after a cancellation or a timeout it may go on as before.
class FramedReader {
public:
    // `received` was read from the stream before and comes first.
    FramedReader(net::ByteStream& stream, Bytes received, std::size_t body_bytes_max);

    // The next message; nullopt at a clean end of the stream. The body stays valid until the next
    // call. Cancelling loses nothing. Errors: kind client with eof_error() for an end inside a
    // message, as FrameDecoder, or the stream's.
    net::Awaitable<Result<std::optional<Frame>>> read_message();
    // After an error of read_message(): whether it refused a message only for its size.
    bool oversized() const { return decoder_.oversized(unread()).has_value(); }
    // Reads that message to its end without keeping it; further messages follow. The deadline bounds
    // how long that takes. Errors: kind client with eof_error() for an end inside it, or the
    // stream's. Cancelling loses nothing when it is called again before anything else.
    net::Awaitable<Result<void>> drop_oversized();
    // True when read_message() would return without waiting: a whole message, or one with a length
    // that is not allowed, is in the buffer.
    bool has_message() const;

    // Reads more bytes into the buffer without decoding (so that a peer that goes away is noticed);
    // false at the end of the stream. At most `buffered_max` bytes are kept: kind limit beyond that.
    net::Awaitable<Result<bool>> read_ahead(std::size_t buffered_max);

    // For messages that hold a password: while it is on, no memory keeps what has been returned.
    // Turning it off wipes the message returned last too.
    void set_wiping(bool on);

    FrameDecoder& decoder() { return decoder_; }
    net::ByteStream& stream() { return *stream_; }
    // Memory of the read buffer, in bytes.
    std::size_t buffered_capacity() const { return in_.capacity(); }
    // What was read but not returned yet; ends the use of this reader.
    Bytes take_unread() &&;

private:
    ByteView unread() const;
    void drop_consumed();
    void reserve(std::size_t count);
    void wipe_consumed();
    void move_to_new_buffer(std::size_t size);

    net::ByteStream* stream_;
    FrameDecoder decoder_;
    Bytes in_;  // received bytes are in_[begin_, end_), the rest is free space
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::size_t consumed_ = 0;  // behind begin_: the message returned last
    bool wiping_ = false;
    std::size_t dropping_ = 0;  // bytes left of a message that nobody wants
    std::size_t read_bytes_;    // what the next read should have room for
};

}  // namespace sluice::pg
