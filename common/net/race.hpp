#pragma once

#include "common/net/asio.hpp"
#include "common/net/cancelled.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/post.hpp>

#include <array>
#include <cstddef>
#include <exception>
#include <optional>
#include <tuple>
#include <utility>
#include <variant>

namespace sluice::net {

// Runs `from` as the outermost coroutine of a thread of execution and keeps its value, which
// needs no default constructor (Asio's co_spawn asks for one). Cancellation does not throw in it.
template <class T>
Awaitable<void> keep_value(Awaitable<T> from, std::optional<T>& into) {
    co_await boost::asio::this_coro::throw_if_cancelled(false);
    auto value = co_await std::move(from);
    into.emplace(std::move(value));
}

// The end of a coroutine, whichever it was.
template <class T>
struct Ending {
    std::optional<T> value;
    std::exception_ptr failure;
};

template <class T>
Awaitable<void> keep_ending(Awaitable<T> from, Ending<T>& into) {
    try {
        co_await keep_value(std::move(from), into.value);
    } catch (...) {
        into.failure = std::current_exception();
    }
}

// The cancellation of a coroutine ends the wait that is pending and nothing else: coroutines that it
// begins afterwards do not know of it. This begins both and cancels them at once; 0: a ended first.
// Neither may let an exception out.
inline Awaitable<std::size_t> run_cancelled(Awaitable<void> a, Awaitable<void> b) {
    using boost::asio::deferred;
    namespace experimental = boost::asio::experimental;
    const auto executor = co_await boost::asio::this_coro::executor;
    auto group =
        experimental::make_parallel_group(boost::asio::co_spawn(executor, std::move(a), deferred),
                                          boost::asio::co_spawn(executor, std::move(b), deferred),
                                          boost::asio::post(executor, deferred));
    auto running = std::move(group).async_wait(experimental::wait_for_one(), use_result);
    const auto ended = co_await std::move(running);
    const std::array<std::size_t, 3>& order = std::get<0>(ended);
    for (const std::size_t index : order) {
        if (index < 2) co_return index;
    }
    co_return std::size_t(0);
}

// Runs both until the first ends and cancels the other, or both when this coroutine was cancelled
// before; 0: a ended first. Neither may let an exception out.
inline Awaitable<std::size_t> run_to_the_first(Awaitable<void> a, Awaitable<void> b) {
    using namespace boost::asio::experimental::awaitable_operators;
    const auto cancellation = co_await boost::asio::this_coro::cancellation_state;
    if (is_cancelled(cancellation)) co_return co_await run_cancelled(std::move(a), std::move(b));
    const auto first = co_await (std::move(a) || std::move(b));
    co_return first.index();
}

// Runs both until the first ends, cancels the other and waits for it; index tells who won. An
// exception counts as an end and comes out when it wins. The loser's result is dropped even when it
// ended well in the same turn: a loser that takes something, such as bytes from a stream, keeps it
// in a place of its own.
template <class A, class B>
Awaitable<std::variant<A, B>> race(Awaitable<A> a, Awaitable<B> b) {
    using Outcome = std::variant<A, B>;
    co_await boost::asio::this_coro::throw_if_cancelled(false);
    Ending<A> ending_a;
    Ending<B> ending_b;
    auto running_a = keep_ending(std::move(a), ending_a);
    auto running_b = keep_ending(std::move(b), ending_b);
    const auto first = co_await run_to_the_first(std::move(running_a), std::move(running_b));
    const auto& failure = first == 0 ? ending_a.failure : ending_b.failure;
    if (failure) std::rethrow_exception(failure);
    if (first == 0) co_return Outcome(std::in_place_index<0>, std::move(*ending_a.value));
    co_return Outcome(std::in_place_index<1>, std::move(*ending_b.value));
}

// What two coroutines gave and which of them ended first: 0 is a.
template <class A, class B>
struct Joined {
    std::size_t first;
    A a;
    B b;
};

// Runs both until the first ends, cancels the other, waits for it and gives both values. An
// exception counts as an end and comes out when both have ended. Cancelling reaches both.
template <class A, class B>
Awaitable<Joined<A, B>> join_first(Awaitable<A> a, Awaitable<B> b) {
    co_await boost::asio::this_coro::throw_if_cancelled(false);
    Ending<A> ending_a;
    Ending<B> ending_b;
    auto running_a = keep_ending(std::move(a), ending_a);
    auto running_b = keep_ending(std::move(b), ending_b);
    const auto first = co_await run_to_the_first(std::move(running_a), std::move(running_b));
    for (const auto& failure : {ending_a.failure, ending_b.failure}) {
        if (failure) std::rethrow_exception(failure);
    }
    co_return Joined<A, B>{first, std::move(*ending_a.value), std::move(*ending_b.value)};
}

// Runs both to their ends; an exception cancels the other and comes out. Cancelling reaches both.
template <class A, class B>
Awaitable<std::tuple<A, B>> both(Awaitable<A> a, Awaitable<B> b) {
    using namespace boost::asio::experimental::awaitable_operators;
    co_await boost::asio::this_coro::throw_if_cancelled(false);
    Ending<A> ending_a;
    Ending<B> ending_b;
    const auto cancellation = co_await boost::asio::this_coro::cancellation_state;
    if (is_cancelled(cancellation)) {
        auto running_a = keep_ending(std::move(a), ending_a);
        auto running_b = keep_ending(std::move(b), ending_b);
        co_await run_cancelled(std::move(running_a), std::move(running_b));
    } else {
        auto running_a = keep_value(std::move(a), ending_a.value);
        auto running_b = keep_value(std::move(b), ending_b.value);
        co_await (std::move(running_a) && std::move(running_b));
    }
    for (const auto& failure : {ending_a.failure, ending_b.failure}) {
        if (failure) std::rethrow_exception(failure);
    }
    co_return std::tuple<A, B>(std::move(*ending_a.value), std::move(*ending_b.value));
}

}  // namespace sluice::net
