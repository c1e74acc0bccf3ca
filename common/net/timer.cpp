#include "common/net/timer.hpp"

#include "common/net/cancelled.hpp"

#include <boost/asio/steady_timer.hpp>

namespace sluice::net {

Awaitable<bool> sleep_until(Deadline deadline) {
    co_await boost::asio::this_coro::throw_if_cancelled(false);
    const auto state = co_await boost::asio::this_coro::cancellation_state;
    if (is_cancelled(state)) co_return false;
    boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, deadline);
    const auto waited = co_await timer.async_wait(use_result);
    co_return !std::get<0>(waited);
}

Awaitable<bool> sleep_for(Duration duration) {
    return sleep_until(std::chrono::steady_clock::now() + duration);
}

}  // namespace sluice::net
