#pragma once

#include "common/net/byte_stream.hpp"

namespace sluice::pg {

// The sending half of a framed stream: a buffer that flush() sends. It does not own the stream,
// which must outlive it. One thread, one operation at a time, nothing is appended meanwhile; a
// reader on the same stream may work. Movable while no operation is under way. A call that was
// cancelled or timed out is repeated and goes on where it stopped; more may be appended before.
class FramedWriter {
public:
    explicit FramedWriter(net::ByteStream& stream) : stream_(&stream) {}

    // Where encoders append. What is in it must not be changed after a flush that was cut off.
    Bytes& out() { return out_; }
    // What is in the buffer holds a password: the next flush wipes it when everything is sent. Room
    // for it is reserved before, so that growing leaves no copy.
    void wipe_when_sent() { wiping_ = true; }
    // Bytes in the buffer that the stream has not taken.
    std::size_t unsent() const { return out_.size() - written_; }

    // Sends everything. Errors: the stream's; kind peer, "failed to write message", when it takes
    // nothing.
    net::Awaitable<Result<void>> flush();
    // The same without waiting. False: flush() goes on, and tells what hinders.
    bool try_flush();
    // flush() when more than `bytes_max` bytes wait: bounds the buffer of who encodes a lot.
    net::Awaitable<Result<void>> flush_beyond(std::size_t bytes_max);
    // Sends everything and says that nothing more will come. Reading stays possible.
    net::Awaitable<Result<void>> shutdown();

    net::ByteStream& stream() { return *stream_; }

private:
    void on_all_written();

    net::ByteStream* stream_;
    Bytes out_;
    bool wiping_ = false;
    std::size_t written_ = 0;  // of out_: a cancelled flush goes on here
};

}  // namespace sluice::pg
