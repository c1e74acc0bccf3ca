#pragma once

#include "common/net/race.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

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

// Runs the coroutine as far as it gets, then cancels it where it waits, if it does, as a TaskGroup
// would; its value.
template <class T>
T run_and_cancel(boost::asio::io_context& context, net::Awaitable<T> coroutine) {
    boost::asio::cancellation_signal signal;
    std::optional<T> value;
    boost::asio::co_spawn(
        context,
        net::keep_value(std::move(coroutine), value),
        boost::asio::bind_cancellation_slot(signal.slot(), [](const std::exception_ptr&) {}));
    if (context.stopped()) context.restart();
    context.poll();
    bool emitted = false;
    boost::asio::post(context, [&] {
        signal.emit(boost::asio::cancellation_type::all);
        emitted = true;
    });
    if (!run_until(context, [&] { return emitted && value.has_value(); })) {
        throw std::runtime_error("the coroutine was not cancelled");
    }
    return std::move(*value);
}

}  // namespace sluice::test
