#include "backend/server/framed_stream.hpp"

#include <algorithm>

namespace sluice::pg {

namespace {

constexpr std::size_t read_bytes_min = 1024;
// A buffer that grew beyond this for one large message is given back when it is empty.
constexpr std::size_t idle_bytes_max = 16U << 10U;

}  // namespace

FramedStream::FramedStream(std::unique_ptr<net::ByteStream> stream,
                           Bytes received,
                           std::size_t body_bytes_max)
    : stream_(std::move(stream)),
      decoder_(body_bytes_max),
      in_(std::move(received)),
      end_(in_.size()) {}

ByteView FramedStream::unread() const { return ByteView(in_).subspan(begin_, end_ - begin_); }

void FramedStream::drop_consumed() {
    begin_ += consumed_;
    consumed_ = 0;
    if (begin_ != end_) return;
    begin_ = 0;
    end_ = 0;
    if (in_.size() > idle_bytes_max) Bytes().swap(in_);
}

// Makes room for `count` more bytes behind end_: moves the unread ones to the front first.
void FramedStream::reserve(std::size_t count) {
    if (in_.size() - end_ >= count) return;
    std::copy(in_.begin() + static_cast<std::ptrdiff_t>(begin_),
              in_.begin() + static_cast<std::ptrdiff_t>(end_),
              in_.begin());
    end_ -= begin_;
    begin_ = 0;
    if (in_.size() - end_ < count) in_.resize(end_ + count);
}

net::Awaitable<Result<std::size_t>> FramedStream::fill(std::size_t count) {
    reserve(count);
    const ByteSpan space = ByteSpan(in_).subspan(end_);
    auto received = co_await stream_->read_some(space);
    if (received) end_ += *received;
    co_return received;
}

net::Awaitable<Result<std::optional<Frame>>> FramedStream::read_message() {
    drop_consumed();
    for (;;) {
        auto frame = decoder_.next(unread());
        if (!frame) co_return std::move(frame).error();
        if (*frame) {
            consumed_ = (*frame)->size();
            co_return std::move(*frame);
        }
        // Doubling, so that a length that was only announced does not take memory at once.
        const std::size_t step = std::max(read_bytes_min, unread().size());
        auto received = co_await fill(std::min(std::max(decoder_.wanted(), read_bytes_min), step));
        if (!received) co_return std::move(received).error();
        if (*received > 0) continue;
        if (unread().empty()) co_return std::optional<Frame>();
        co_return Error(ErrorKind::client, "end of stream inside a message", eof_error());
    }
}

net::Awaitable<Result<void>> FramedStream::flush() {
    while (written_ < out_.size()) {
        const ByteView left = ByteView(out_).subspan(written_);
        auto count = co_await stream_->write_some(left);
        if (!count) co_return std::move(count).error();
        written_ += *count;
    }
    written_ = 0;
    out_.clear();
    if (out_.capacity() > idle_bytes_max) Bytes().swap(out_);
    co_return Result<void>();
}

net::Awaitable<Result<bool>> FramedStream::read_ahead(std::size_t buffered_max) {
    drop_consumed();
    const std::size_t buffered = unread().size();
    if (buffered >= buffered_max) {
        co_return Error(ErrorKind::limit, "the peer sent too much before its turn");
    }
    reserve(std::min(read_bytes_min, buffered_max - buffered));
    const std::size_t room = std::min(in_.size() - end_, buffered_max - buffered);
    const ByteSpan space = ByteSpan(in_).subspan(end_, room);
    auto received = co_await stream_->read_some(space);
    if (!received) co_return std::move(received).error();
    end_ += *received;
    co_return *received > 0;
}

FramedStream::Parts FramedStream::release() && {
    drop_consumed();
    const ByteView left = unread();
    return Parts{std::move(stream_), Bytes(left.begin(), left.end())};
}

}  // namespace sluice::pg
