#pragma once

#include "backend/server/framed_reader.hpp"
#include "backend/server/framed_writer.hpp"

#include <memory>
#include <optional>

namespace sluice::pg {

// Messages over a stream that it owns: a read buffer that grows with the traffic (bounded by the
// limit of a message) and a write buffer that is sent by flush(). Cancelling any call loses
// nothing. One thread; one operation at a time as long as it is whole. For both directions at once
// it is split into halves, which may be used by two coroutines, and put together again by
// unsplit().
class FramedStream {
public:
    FramedStream(std::unique_ptr<net::ByteStream> stream,
                 Bytes received,
                 std::size_t body_bytes_max);

    // As FramedReader and FramedWriter; kind internal, "the stream is split", while it is.
    net::Awaitable<Result<std::optional<Frame>>> read_message();
    net::Awaitable<Result<bool>> read_ahead(std::size_t buffered_max);
    net::Awaitable<Result<void>> flush();
    net::Awaitable<Result<void>> flush_beyond(std::size_t bytes_max);
    net::Awaitable<Result<void>> shutdown();
    // The same, but only while the stream is whole.
    bool try_flush() { return whole().writer.try_flush(); }
    bool has_message() const { return whole().reader.has_message(); }
    std::size_t buffered_capacity() const { return whole().reader.buffered_capacity(); }
    FrameDecoder& decoder() { return whole().reader.decoder(); }
    std::size_t unsent() const { return whole().writer.unsent(); }
    Bytes& out() { return whole().writer.out(); }
    FramedReader& reader() { return whole().reader; }
    FramedWriter& writer() { return whole().writer; }

    net::ByteStream& stream() { return *stream_; }

    // Both work on the stream owned by this object, which must outlive them, and take the buffers
    // with them. Destroying a half leaves this object split for good.
    struct Halves {
        FramedReader reader;
        FramedWriter writer;
    };
    // Errors: kind internal, "the stream is already split".
    Result<Halves> split();
    // Takes the halves back, in the middle of a message or not. Errors: kind internal, "the stream
    // is not split" or "these halves belong to another stream".
    Result<void> unsplit(Halves halves);
    bool is_split() const { return !halves_; }

    // Gives the stream away; bytes that were read but not decoded are in `received`. Only when
    // everything is flushed: the new owner would not know of the rest.
    struct Parts {
        std::unique_ptr<net::ByteStream> stream;
        Bytes received;
    };
    Parts release() &&;

private:
    Halves& whole();
    const Halves& whole() const;

    std::unique_ptr<net::ByteStream> stream_;
    std::optional<Halves> halves_;  // not there while split
};

}  // namespace sluice::pg
