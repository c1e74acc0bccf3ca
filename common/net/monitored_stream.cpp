#include "common/net/monitored_stream.hpp"

#include "common/net/cancelled.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>

namespace sluice::net {

namespace {

namespace this_coro = boost::asio::this_coro;

Deadline after(const std::optional<std::chrono::milliseconds>& time) {
    return time ? std::chrono::steady_clock::now() + *time : no_deadline;
}

// How a wait ends that a deadline or somebody cut short: a deadline that moved meanwhile leaves the
// other code.
bool was_cut_short(const Error& error) {
    return is_timeout(error.code) || error.code == boost::asio::error::operation_aborted;
}

Error timed_out() { return Error(ErrorKind::peer, "", boost::asio::error::timed_out); }

}  // namespace

MonitoredStream::MonitoredStream(std::unique_ptr<ByteStream> stream,
                                 StreamCounters& counters,
                                 const Options& options)
    : stream_(std::move(stream)), counters_(counters), options_(options) {}

template <class Operation>
Awaitable<Result<std::size_t>> MonitoredStream::run(
    Operation operation,
    std::optional<std::chrono::milliseconds> timeout,
    Deadline& limit,
    std::uint64_t& counter) {
    co_await this_coro::throw_if_cancelled(false);
    const Deadline own_limit = after(timeout);
    for (;;) {
        limit = own_limit;
        pass_deadline_on();
        const auto expiries = expiries_;
        auto result = co_await operation();
        limit = no_deadline;
        pass_deadline_on();
        if (result) counter += *result;
        if (result || !was_cut_short(result.error())) co_return result;
        // TCP gives up with timed_out too, for good.
        const bool by_deadline = expiries_ != expiries;
        if (!by_deadline && is_timeout(result.error().code)) co_return result;
        const auto now = std::chrono::steady_clock::now();
        if (now >= deadline_) co_return timed_out();
        if (now >= own_limit) {
            ++counters_.timeouts;
            co_return timed_out();
        }
        const auto cancellation = co_await this_coro::cancellation_state;
        if (closed_ || is_cancelled(cancellation)) {
            co_return Error(ErrorKind::peer, "", boost::asio::error::operation_aborted);
        }
        // The other direction met its limit. It takes the limit away when its turn comes.
        co_await boost::asio::post(use_result);
    }
}

Awaitable<Result<std::size_t>> MonitoredStream::read_some(ByteSpan into) {
    const auto read = [this, into] { return stream_->read_some(into); };
    return run(read, options_.read_timeout, read_limit_, counters_.received);
}

Awaitable<Result<std::size_t>> MonitoredStream::write_some(ByteView bytes) {
    const auto write = [this, bytes] { return stream_->write_some(bytes); };
    return run(write, options_.write_timeout, write_limit_, counters_.sent);
}

ByteStream::Attempt MonitoredStream::try_read(ByteSpan into) {
    const auto attempt = stream_->try_read(into);
    if (attempt.status == Attempt::Status::done) counters_.received += attempt.count;
    return attempt;
}

ByteStream::Attempt MonitoredStream::try_write(ByteView bytes) {
    const auto attempt = stream_->try_write(bytes);
    if (attempt.status == Attempt::Status::done) counters_.sent += attempt.count;
    return attempt;
}

void MonitoredStream::close() {
    closed_ = true;
    stream_->close();
}

void MonitoredStream::detach() {
    closed_ = true;
    stream_->detach();
}

void MonitoredStream::set_deadline(Deadline deadline) {
    deadline_ = deadline;
    pass_deadline_on();
}

void MonitoredStream::pass_deadline_on() {
    note_expiry();
    if (closed_) return;
    passed_on_ = std::min({deadline_, read_limit_, write_limit_});
    stream_->set_deadline(passed_on_);
}

void MonitoredStream::note_expiry() {
    if (passed_on_ == no_deadline || std::chrono::steady_clock::now() < passed_on_) return;
    passed_on_ = no_deadline;
    ++expiries_;
}

}  // namespace sluice::net
