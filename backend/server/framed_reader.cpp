#include "backend/server/framed_reader.hpp"

#include <string.h>

#include <algorithm>

namespace sluice::pg {

namespace {

// A read asks for more as long as reads come back full: an idle session stays small, a bulk copy
// does not pay for a system call per KiB.
constexpr std::size_t read_bytes_min = 1024;
constexpr std::size_t read_bytes_max = 64U << 10U;
// A buffer that grew beyond this is given back when it is empty.
constexpr std::size_t idle_bytes_max = 16U << 10U;

}  // namespace

FramedReader::FramedReader(net::ByteStream& stream, Bytes received, std::size_t body_bytes_max)
    : stream_(&stream),
      decoder_(body_bytes_max),
      in_(std::move(received)),
      end_(in_.size()),
      read_bytes_(read_bytes_min) {}

ByteView FramedReader::unread() const { return ByteView(in_).subspan(begin_, end_ - begin_); }

void FramedReader::wipe_consumed() {
    if (consumed_ > 0) explicit_bzero(in_.data() + begin_, consumed_);
}

void FramedReader::set_wiping(bool on) {
    if (wiping_) wipe_consumed();
    wiping_ = on;
}

void FramedReader::drop_consumed() {
    if (wiping_) wipe_consumed();
    begin_ += consumed_;
    consumed_ = 0;
    if (begin_ != end_) return;
    begin_ = 0;
    end_ = 0;
    if (std::max(in_.size(), read_bytes_) <= idle_bytes_max) return;
    Bytes().swap(in_);
    read_bytes_ = read_bytes_min;
}

// Makes room for `count` more bytes behind end_: moves the unread ones to the front first.
void FramedReader::reserve(std::size_t count) {
    if (in_.size() - end_ >= count) return;
    if (wiping_) return move_to_new_buffer(end_ - begin_ + count);
    std::copy(in_.begin() + static_cast<std::ptrdiff_t>(begin_),
              in_.begin() + static_cast<std::ptrdiff_t>(end_),
              in_.begin());
    end_ -= begin_;
    begin_ = 0;
    if (in_.size() - end_ < count) in_.resize(end_ + count);
}

// Neither where the unread bytes were nor what they leave behind when they move keeps a copy.
void FramedReader::move_to_new_buffer(std::size_t size) {
    const ByteView kept = unread();
    Bytes larger(size);
    std::copy(kept.begin(), kept.end(), larger.begin());
    end_ = kept.size();
    begin_ = 0;
    if (!in_.empty()) explicit_bzero(in_.data(), in_.size());
    in_.swap(larger);
}

net::Awaitable<Result<std::optional<Frame>>> FramedReader::read_message() {
    drop_consumed();
    for (;;) {
        auto frame = decoder_.next(unread());
        if (!frame) co_return std::move(frame).error();
        if (*frame) {
            consumed_ = (*frame)->size();
            co_return std::move(*frame);
        }
        // Doubling, so that a length that was only announced does not take memory at once.
        const std::size_t step = std::max(read_bytes_, unread().size());
        reserve(std::clamp(decoder_.wanted(), read_bytes_, step));
        const ByteSpan space = ByteSpan(in_).subspan(end_);
        auto received = co_await stream_->read_some(space);
        if (!received) co_return std::move(received).error();
        end_ += *received;
        if (*received == space.size()) read_bytes_ = std::min(2 * read_bytes_, read_bytes_max);
        if (*received > 0) continue;
        if (unread().empty()) co_return std::optional<Frame>();
        co_return Error(ErrorKind::client, "end of stream inside a message", eof_error());
    }
}

net::Awaitable<Result<void>> FramedReader::drop_oversized() {
    if (dropping_ == 0) dropping_ = decoder_.oversized(unread()).value_or(0);
    for (;;) {
        const std::size_t count = std::min(dropping_, unread().size());
        begin_ += count;
        dropping_ -= count;
        if (dropping_ == 0) co_return Result<void>();
        begin_ = end_ = 0;
        reserve(read_bytes_max);
        const ByteSpan space = in_;
        auto received = co_await stream_->read_some(space);
        if (!received) co_return std::move(received).error();
        if (*received == 0) {
            co_return Error(ErrorKind::client, "end of stream inside a message", eof_error());
        }
        end_ = *received;
    }
}

bool FramedReader::has_message() const {
    FrameDecoder decoder = decoder_;
    const auto frame = decoder.next(unread().subspan(consumed_));
    return !frame || frame->has_value();
}

net::Awaitable<Result<bool>> FramedReader::read_ahead(std::size_t buffered_max) {
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

Bytes FramedReader::take_unread() && {
    drop_consumed();
    const ByteView left = unread();
    return Bytes(left.begin(), left.end());
}

}  // namespace sluice::pg
