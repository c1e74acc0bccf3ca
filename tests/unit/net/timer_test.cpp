#include "common/net/timer.hpp"

#include "common/net/race.hpp"
#include "tests/support/coroutine.hpp"

#include <gtest/gtest.h>

namespace sluice::net {
namespace {

using std::chrono::milliseconds;
using test::run_coroutine;

TEST(Timer, SleepsAtLeastThatLong) {
    boost::asio::io_context context;
    const auto before = std::chrono::steady_clock::now();

    const bool slept = run_coroutine(context, sleep_for(milliseconds(5)));

    EXPECT_TRUE(slept);
    EXPECT_GE(std::chrono::steady_clock::now() - before, milliseconds(5));
}

TEST(Timer, ADeadlineInThePastEndsAtOnce) {
    boost::asio::io_context context;

    EXPECT_TRUE(run_coroutine(context, sleep_until(Deadline())));
}

TEST(Timer, ACancelledSleepSaysSo) {
    boost::asio::io_context context;

    const auto first =
        run_coroutine(context, race(sleep_for(milliseconds(1)), sleep_until(no_deadline)));

    EXPECT_EQ(first.index(), 0U);
    EXPECT_TRUE(std::get<0>(first));
}

Awaitable<bool> sleep_twice(bool& second) {
    const bool first = co_await sleep_until(no_deadline);
    second = co_await sleep_until(no_deadline);
    co_return first;
}

TEST(Timer, ACancelledCoroutineDoesNotSleepAgain) {
    boost::asio::io_context context;
    bool second = true;

    const auto first =
        run_coroutine(context, race(sleep_for(milliseconds(1)), sleep_twice(second)));

    EXPECT_EQ(first.index(), 0U);
    EXPECT_FALSE(second);
}

}  // namespace
}  // namespace sluice::net
