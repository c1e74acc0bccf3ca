#include "backend/server/farewell.hpp"

#include <boost/asio/cancellation_state.hpp>

#include <array>
#include <utility>

namespace sluice::pg {

namespace {

namespace this_coro = boost::asio::this_coro;

constexpr std::chrono::seconds farewell_time{2};
constexpr std::size_t farewell_bytes_max = 64U << 10U;

// Lets the coroutine wait again and bounds the waits.
net::Awaitable<void> prepare(net::ByteStream& stream) {
    co_await this_coro::throw_if_cancelled(false);
    co_await this_coro::reset_cancellation_state(boost::asio::enable_total_cancellation());
    stream.set_deadline(std::chrono::steady_clock::now() + farewell_time);
}

net::Awaitable<void> drain(net::ByteStream& stream) {
    std::array<std::uint8_t, 512> waste{};
    for (std::size_t total = 0; total < farewell_bytes_max;) {
        const ByteSpan space = waste;
        auto count = co_await stream.read_some(space);
        if (!count || *count == 0) co_return;
        total += *count;
    }
}

}  // namespace

net::Awaitable<void> hang_up(FramedStream& framed) {
    co_await prepare(framed.stream());
    auto ignored = co_await framed.shutdown();
    static_cast<void>(ignored);
}

net::Awaitable<void> say_goodbye(FramedStream& framed, std::optional<ErrorFields> fields) {
    co_await prepare(framed.stream());
    if (fields) encode_error_response(framed.out(), *fields);
    auto closed = co_await framed.shutdown();
    if (closed) co_await drain(framed.stream());
}

net::Awaitable<void> send_error_and_close(net::ByteStream& stream, ErrorFields fields) {
    co_await prepare(stream);
    Bytes message;
    encode_error_response(message, fields);
    auto sent = co_await stream.write_all(message);
    if (!sent) co_return;
    auto closed = co_await stream.shutdown_send();
    if (closed) co_await drain(stream);
}

}  // namespace sluice::pg
