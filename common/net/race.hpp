#pragma once

#include "common/net/asio.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>

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

// Runs both until the first ends, cancels the other and waits for it; index tells who won. Both
// must report failure by value: an exception in one is lost until the other ends. The loser's
// result is dropped even when it ended well in the same turn: a loser that takes something, such
// as bytes from a stream, keeps it in a place of its own.
template <class A, class B>
Awaitable<std::variant<A, B>> race(Awaitable<A> a, Awaitable<B> b) {
    using namespace boost::asio::experimental::awaitable_operators;
    using Outcome = std::variant<A, B>;
    co_await boost::asio::this_coro::throw_if_cancelled(false);
    std::optional<A> value_a;
    std::optional<B> value_b;
    auto running_a = keep_value(std::move(a), value_a);
    auto running_b = keep_value(std::move(b), value_b);
    const auto first = co_await (std::move(running_a) || std::move(running_b));
    if (first.index() == 0) co_return Outcome(std::in_place_index<0>, std::move(*value_a));
    co_return Outcome(std::in_place_index<1>, std::move(*value_b));
}

// What two coroutines gave and which of them ended first: 0 is a.
template <class A, class B>
struct Joined {
    std::size_t first;
    A a;
    B b;
};

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

// Runs both until the first ends, cancels the other, waits for it and gives both values. An
// exception counts as an end and comes out when both have ended. Cancelling reaches both.
template <class A, class B>
Awaitable<Joined<A, B>> join_first(Awaitable<A> a, Awaitable<B> b) {
    using namespace boost::asio::experimental::awaitable_operators;
    co_await boost::asio::this_coro::throw_if_cancelled(false);
    Ending<A> ending_a;
    Ending<B> ending_b;
    auto running_a = keep_ending(std::move(a), ending_a);
    auto running_b = keep_ending(std::move(b), ending_b);
    const auto first = co_await (std::move(running_a) || std::move(running_b));
    for (const auto& failure : {ending_a.failure, ending_b.failure}) {
        if (failure) std::rethrow_exception(failure);
    }
    co_return Joined<A, B>{first.index(), std::move(*ending_a.value), std::move(*ending_b.value)};
}

// Runs both to their ends.
template <class A, class B>
Awaitable<std::tuple<A, B>> both(Awaitable<A> a, Awaitable<B> b) {
    using namespace boost::asio::experimental::awaitable_operators;
    co_await boost::asio::this_coro::throw_if_cancelled(false);
    std::optional<A> value_a;
    std::optional<B> value_b;
    auto running_a = keep_value(std::move(a), value_a);
    auto running_b = keep_value(std::move(b), value_b);
    co_await (std::move(running_a) && std::move(running_b));
    co_return std::tuple<A, B>(std::move(*value_a), std::move(*value_b));
}

}  // namespace sluice::net
