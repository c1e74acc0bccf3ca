#include "backend/server/framed_stream.hpp"

#include "common/base/assert.hpp"

namespace sluice::pg {

namespace {

template <class T>
net::Awaitable<Result<T>> refuse_while_split() {
    co_return Error(ErrorKind::internal, "the stream is split");
}

}  // namespace

FramedStream::FramedStream(std::unique_ptr<net::ByteStream> stream,
                           Bytes received,
                           std::size_t body_bytes_max)
    : stream_(std::move(stream)),
      halves_(Halves{FramedReader(*stream_, std::move(received), body_bytes_max),
                     FramedWriter(*stream_)}) {}

FramedStream::Halves& FramedStream::whole() {
    SLUICE_ASSERT(halves_.has_value());
    return *halves_;
}

const FramedStream::Halves& FramedStream::whole() const {
    SLUICE_ASSERT(halves_.has_value());
    return *halves_;
}

// Not coroutines themselves: an idle session would pay for one more frame.
net::Awaitable<Result<std::optional<Frame>>> FramedStream::read_message() {
    if (is_split()) return refuse_while_split<std::optional<Frame>>();
    return halves_->reader.read_message();
}

net::Awaitable<Result<bool>> FramedStream::read_ahead(std::size_t buffered_max) {
    if (is_split()) return refuse_while_split<bool>();
    return halves_->reader.read_ahead(buffered_max);
}

net::Awaitable<Result<void>> FramedStream::flush() {
    if (is_split()) return refuse_while_split<void>();
    return halves_->writer.flush();
}

net::Awaitable<Result<void>> FramedStream::flush_beyond(std::size_t bytes_max) {
    if (is_split()) return refuse_while_split<void>();
    return halves_->writer.flush_beyond(bytes_max);
}

net::Awaitable<Result<void>> FramedStream::shutdown() {
    if (is_split()) return refuse_while_split<void>();
    return halves_->writer.shutdown();
}

Result<FramedStream::Halves> FramedStream::split() {
    if (is_split()) return Error(ErrorKind::internal, "the stream is already split");
    Halves halves = std::move(*halves_);
    halves_.reset();
    return halves;
}

Result<void> FramedStream::unsplit(Halves halves) {
    if (!is_split()) return Error(ErrorKind::internal, "the stream is not split");
    if (&halves.reader.stream() != stream_.get() || &halves.writer.stream() != stream_.get()) {
        return Error(ErrorKind::internal, "these halves belong to another stream");
    }
    halves_ = std::move(halves);
    return {};
}

FramedStream::Parts FramedStream::release() && {
    SLUICE_ASSERT(unsent() == 0);
    Bytes received = std::move(whole().reader).take_unread();
    return Parts{std::move(stream_), std::move(received)};
}

}  // namespace sluice::pg
