#include "backend/server/framed_writer.hpp"

#include <string.h>

namespace sluice::pg {

namespace {

// A buffer that grew beyond this is given back when it is empty.
constexpr std::size_t idle_bytes_max = 16U << 10U;

}  // namespace

net::Awaitable<Result<void>> FramedWriter::flush() {
    while (written_ < out_.size()) {
        const ByteView left = ByteView(out_).subspan(written_);
        auto count = co_await stream_->write_some(left);
        if (!count) co_return std::move(count).error();
        // A stream that takes nothing would keep this loop busy for ever.
        if (*count == 0) co_return net::nothing_written_error();
        written_ += *count;
    }
    on_all_written();
    co_return Result<void>();
}

bool FramedWriter::try_flush() {
    while (written_ < out_.size()) {
        const auto attempt = stream_->try_write(ByteView(out_).subspan(written_));
        if (attempt.status != net::ByteStream::Attempt::Status::done || attempt.count == 0) {
            return false;
        }
        written_ += attempt.count;
    }
    on_all_written();
    return true;
}

void FramedWriter::on_all_written() {
    written_ = 0;
    if (wiping_ && !out_.empty()) explicit_bzero(out_.data(), out_.size());
    wiping_ = false;
    out_.clear();
    if (out_.capacity() > idle_bytes_max) Bytes().swap(out_);
}

net::Awaitable<Result<void>> FramedWriter::flush_beyond(std::size_t bytes_max) {
    if (unsent() <= bytes_max) co_return Result<void>();
    co_return co_await flush();
}

net::Awaitable<Result<void>> FramedWriter::shutdown() {
    auto sent = co_await flush();
    if (!sent) co_return sent;
    co_return co_await stream_->shutdown_send();
}

}  // namespace sluice::pg
