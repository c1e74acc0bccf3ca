#pragma once

#include <variant>

#include <boost/asio/experimental/awaitable_operators.hpp>

#include "common/net/asio.hpp"

namespace sluice::net {

// Runs both until the first ends, cancels the other and waits for it; index tells who won. Both
// must report failure by value: an exception in one is lost until the other ends.
template <class A, class B>
Awaitable<std::variant<A, B>> race(Awaitable<A> a, Awaitable<B> b) {
    using namespace boost::asio::experimental::awaitable_operators;
    co_return co_await (std::move(a) || std::move(b));
}

// Runs both to their ends.
template <class A, class B>
Awaitable<std::tuple<A, B>> both(Awaitable<A> a, Awaitable<B> b) {
    using namespace boost::asio::experimental::awaitable_operators;
    co_return co_await (std::move(a) && std::move(b));
}

}  // namespace sluice::net
