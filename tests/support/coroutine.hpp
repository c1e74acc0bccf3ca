#pragma once

#include "common/net/race.hpp"

#include <boost/asio/co_spawn.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <optional>
#include <stdexcept>
#include <utility>

namespace sluice::test {

// A test that hangs ends here.
inline constexpr std::chrono::seconds patience{30};

// Runs the context on this thread until `condition` holds; false when that takes too long.
template <class Condition>
bool run_until(boost::asio::io_context& context, Condition condition) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (!condition()) {
        if (context.stopped()) context.restart();
        context.run_one_until(
            std::min(end, std::chrono::steady_clock::now() + std::chrono::milliseconds(20)));
        if (std::chrono::steady_clock::now() >= end) return false;
    }
    return true;
}

// Runs the coroutine to its end on this thread; exceptions come through.
inline void run_coroutine(boost::asio::io_context& context, net::Awaitable<void> coroutine) {
    bool ended = false;
    std::exception_ptr failure;
    boost::asio::co_spawn(context, std::move(coroutine), [&](const std::exception_ptr& error) {
        failure = error;
        ended = true;
    });
    if (!run_until(context, [&] { return ended; })) {
        throw std::runtime_error("the coroutine did not end");
    }
    if (failure) std::rethrow_exception(failure);
}

// The same for a coroutine with a value.
template <class T>
T run_coroutine(boost::asio::io_context& context, net::Awaitable<T> coroutine) {
    std::optional<T> value;
    run_coroutine(context, net::keep_value(std::move(coroutine), value));
    return std::move(*value);
}

}  // namespace sluice::test
