#pragma once

#include "common/net/asio.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>

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
