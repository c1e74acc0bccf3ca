#include "common/net/one_shot.hpp"

#include "common/net/race.hpp"
#include "common/net/timer.hpp"
#include "tests/support/coroutine.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace sluice::net {
namespace {

using std::chrono::milliseconds;
using test::run_coroutine;

const std::string long_text = "a text that is long enough to live on the heap";

TEST(OneShot, GivesAValueSetByAnotherThread) {
    boost::asio::io_context context;
    OneShot<std::string> shot(context);
    std::thread other([setter = shot.setter()] { setter.set(long_text); });

    const auto value = run_coroutine(context, shot.wait(no_deadline));

    other.join();
    EXPECT_EQ(value, long_text);
}

TEST(OneShot, GivesAValueSetBeforeTheWait) {
    boost::asio::io_context context;
    OneShot<std::string> shot(context);
    shot.setter().set(long_text);
    context.poll();

    EXPECT_EQ(run_coroutine(context, shot.wait(no_deadline)), long_text);
}

TEST(OneShot, TheFirstSetWins) {
    boost::asio::io_context context;
    OneShot<std::string> shot(context);
    const auto setter = shot.setter();
    setter.set("first");
    setter.set("second");

    EXPECT_EQ(run_coroutine(context, shot.wait(no_deadline)), "first");
}

TEST(OneShot, EndsEmptyAtTheDeadline) {
    boost::asio::io_context context;
    OneShot<std::string> shot(context);

    const auto deadline = std::chrono::steady_clock::now() + milliseconds(2);
    EXPECT_EQ(run_coroutine(context, shot.wait(deadline)), std::nullopt);
}

Awaitable<std::optional<std::string>> wait_after_lost_race(OneShot<std::string>& shot) {
    auto waiting = shot.wait(no_deadline);
    auto pause = sleep_for(milliseconds(1));
    const auto first = co_await race(std::move(waiting), std::move(pause));
    EXPECT_EQ(first.index(), 1U);
    shot.setter().set(long_text);
    co_return co_await shot.wait(no_deadline);
}

TEST(OneShot, CanBeAwaitedAgainAfterALostRace) {
    boost::asio::io_context context;
    OneShot<std::string> shot(context);

    EXPECT_EQ(run_coroutine(context, wait_after_lost_race(shot)), long_text);
}

TEST(OneShot, ASetterMayOutliveTheWaiter) {
    boost::asio::io_context context;
    auto shot = std::make_unique<OneShot<std::string>>(context);
    const auto setter = shot->setter();
    shot.reset();

    setter.set(long_text);
    context.poll();
}

TEST(OneShot, AValueThatNobodyFetchesGoesWithTheContext) {
    boost::asio::io_context context;
    OneShot<std::string> shot(context);

    shot.setter().set(long_text);
}

}  // namespace
}  // namespace sluice::net
