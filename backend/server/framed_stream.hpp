#pragma once

#include "backend/protocol/frame.hpp"
#include "common/net/byte_stream.hpp"

#include <memory>
#include <optional>

namespace sluice::pg {

// Messages over a stream: a read buffer that grows with the message being read (bounded by the
// limit) and a write buffer that is sent by flush(). Cancelling any call loses nothing.
class FramedStream {
public:
    FramedStream(std::unique_ptr<net::ByteStream> stream,
                 Bytes received,
                 std::size_t body_bytes_max);

    // The next message; nullopt at a clean end of the stream. The body stays valid until the next
    // call. Errors: kind client with eof_error() for an end inside a message, or as FrameDecoder.
    net::Awaitable<Result<std::optional<Frame>>> read_message();
    // Where encoders append.
    Bytes& out() { return out_; }
    net::Awaitable<Result<void>> flush();

    net::ByteStream& stream() { return *stream_; }
    FrameDecoder& decoder() { return decoder_; }

    // Reads more bytes into the buffer without decoding (so that a peer that goes away is noticed);
    // false at the end of the stream. At most `buffered_max` bytes are kept: kind limit beyond that.
    net::Awaitable<Result<bool>> read_ahead(std::size_t buffered_max);

    // Gives the stream away; bytes that were read but not decoded are in `received`.
    struct Parts {
        std::unique_ptr<net::ByteStream> stream;
        Bytes received;
    };
    Parts release() &&;

private:
    ByteView unread() const;
    void drop_consumed();
    void reserve(std::size_t count);
    // One read into at least `count` free bytes.
    net::Awaitable<Result<std::size_t>> fill(std::size_t count);

    std::unique_ptr<net::ByteStream> stream_;
    FrameDecoder decoder_;
    Bytes in_;  // received bytes are in_[begin_, end_), the rest is free space
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::size_t consumed_ = 0;  // behind begin_: the message returned last
    Bytes out_;
    std::size_t written_ = 0;  // of out_: a cancelled flush goes on here
};

}  // namespace sluice::pg
