#pragma once

#include "common/base/time.hpp"
#include "common/net/asio.hpp"
#include "common/net/cancelled.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

namespace sluice::net {

// One value handed to one waiting coroutine. wait() runs on the thread of `context`; set() may be
// called from any thread, the first call wins and later ones change nothing. `context` outlives
// every setter.
template <class T>
class OneShot {
    struct State;

public:
    explicit OneShot(boost::asio::io_context& context) : state_(std::make_shared<State>(context)) {}

    // Copyable handle for the side that sets; outliving the waiter is harmless.
    class Setter {
    public:
        void set(T value) const {
            boost::asio::post(state_->context,
                              [state = state_, value = std::move(value)]() mutable {
                                  if (state->value) return;
                                  state->value = std::move(value);
                                  state->timer.cancel();
                              });
        }

    private:
        friend class OneShot;
        explicit Setter(std::shared_ptr<State> state) : state_(std::move(state)) {}
        std::shared_ptr<State> state_;
    };
    Setter setter() const { return Setter(state_); }

    // The value; nullopt when the deadline passed or the coroutine was cancelled.
    Awaitable<std::optional<T>> wait(Deadline deadline) {
        const auto state = state_;
        co_await boost::asio::this_coro::throw_if_cancelled(false);
        const auto cancellation = co_await boost::asio::this_coro::cancellation_state;
        if (!state->value && !is_cancelled(cancellation)) {
            state->timer.expires_at(deadline);
            co_await state->timer.async_wait(use_result);
        }
        co_return state->value;
    }

    // The value, also in a coroutine that is or gets cancelled: for work that cannot be stopped.
    Awaitable<T> wait_to_the_end() {
        const auto state = state_;
        co_await boost::asio::this_coro::throw_if_cancelled(false);
        while (!state->value) {
            state->timer.expires_at(no_deadline);
            co_await state->timer.async_wait(use_result);
        }
        co_return std::move(*state->value);
    }

private:
    struct State {
        explicit State(boost::asio::io_context& io) : context(io), timer(io) {}
        boost::asio::io_context& context;
        boost::asio::steady_timer timer;
        std::optional<T> value;
    };
    std::shared_ptr<State> state_;
};

}  // namespace sluice::net
