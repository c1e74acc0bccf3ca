#include "common/net/race.hpp"

#include "common/net/timer.hpp"
#include "tests/support/coroutine.hpp"
#include "tests/support/socket_pair.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace sluice::net {
namespace {

using std::chrono::milliseconds;
using test::run_coroutine;

Awaitable<std::string> text_after(Duration pause, std::string text) {
    co_await sleep_for(pause);
    co_return text;
}

Awaitable<int> number_at_once(int number) { co_return number; }

TEST(Race, GivesTheFirstAndCancelsTheOther) {
    boost::asio::io_context context;
    const auto before = std::chrono::steady_clock::now();

    auto first = run_coroutine(context,
                               race(text_after(milliseconds(2), "a text long enough for the heap"),
                                    text_after(std::chrono::hours(1), "never")));

    ASSERT_EQ(first.index(), 0U);
    EXPECT_EQ(std::get<0>(first), "a text long enough for the heap");
    EXPECT_LT(std::chrono::steady_clock::now() - before, test::patience);
}

TEST(Race, EndsWhenOneSideNeverWaits) {
    boost::asio::io_context context;

    const auto first =
        run_coroutine(context, race(text_after(std::chrono::hours(1), "never"), number_at_once(7)));

    ASSERT_EQ(first.index(), 1U);
    EXPECT_EQ(std::get<1>(first), 7);
}

TEST(Race, BothRunToTheirEnds) {
    boost::asio::io_context context;

    const auto results =
        run_coroutine(context, both(text_after(milliseconds(2), "late"), number_at_once(7)));

    EXPECT_EQ(std::get<0>(results), "late");
    EXPECT_EQ(std::get<1>(results), 7);
}

TEST(Race, JoiningGivesBothValuesAndCancelsTheLater) {
    boost::asio::io_context context;
    const auto before = std::chrono::steady_clock::now();

    const auto joined = run_coroutine(
        context,
        join_first(text_after(std::chrono::hours(1), "cut short, long enough for the heap"),
                   text_after(milliseconds(2), "in time, long enough for the heap")));

    EXPECT_EQ(joined.first, 1U);
    EXPECT_EQ(joined.a, "cut short, long enough for the heap");
    EXPECT_EQ(joined.b, "in time, long enough for the heap");
    EXPECT_LT(std::chrono::steady_clock::now() - before, test::patience);
}

TEST(Race, JoiningTakesSidesThatNeverWait) {
    boost::asio::io_context context;

    const auto left = run_coroutine(
        context, join_first(number_at_once(7), text_after(std::chrono::hours(1), "late")));
    EXPECT_EQ(left.first, 0U);
    EXPECT_EQ(left.a, 7);
    EXPECT_EQ(left.b, "late");

    const auto right = run_coroutine(
        context, join_first(text_after(std::chrono::hours(1), "late"), number_at_once(7)));
    EXPECT_EQ(right.first, 1U);
    EXPECT_EQ(right.a, "late");
    EXPECT_EQ(right.b, 7);

    const auto same_turn = run_coroutine(context, join_first(number_at_once(1), number_at_once(2)));
    EXPECT_EQ(same_turn.a, 1);
    EXPECT_EQ(same_turn.b, 2);
}

TEST(Race, CancellingReachesBothJoined) {
    boost::asio::io_context context;
    const auto before = std::chrono::steady_clock::now();

    const auto outer =
        run_coroutine(context,
                      join_first(join_first(text_after(std::chrono::hours(1), "one"),
                                            text_after(std::chrono::hours(1), "two")),
                                 text_after(milliseconds(2), "stop")));

    EXPECT_EQ(outer.first, 1U);
    EXPECT_EQ(outer.a.a, "one");
    EXPECT_EQ(outer.a.b, "two");
    EXPECT_LT(std::chrono::steady_clock::now() - before, test::patience);
}

// Cancels this coroutine while a completion is on its way to it: no wait of its own ends by that.
Awaitable<void> be_cancelled(boost::asio::cancellation_signal& signal) {
    co_await boost::asio::this_coro::throw_if_cancelled(false);
    signal.emit(boost::asio::cancellation_type::all);
}

// The value of a coroutine that was cancelled before it began.
template <class T>
T run_cancelled(Awaitable<T> coroutine) {
    boost::asio::io_context context;
    boost::asio::cancellation_signal signal;
    std::optional<T> value;
    auto whole = [](boost::asio::cancellation_signal& own,
                    Awaitable<T> rest,
                    std::optional<T>& into) -> Awaitable<void> {
        co_await be_cancelled(own);
        co_await keep_value(std::move(rest), into);
    };
    boost::asio::co_spawn(
        context,
        whole(signal, std::move(coroutine), value),
        boost::asio::bind_cancellation_slot(signal.slot(), [](const std::exception_ptr&) {}));
    EXPECT_TRUE(test::run_until(context, [&] { return value.has_value(); }));
    return std::move(*value);
}

TEST(Race, ACancellationThatCameBeforeReachesBothSides) {
    const auto never = std::chrono::hours(1);
    const auto joined = run_cancelled(join_first(text_after(never, "one"), number_at_once(2)));
    EXPECT_EQ(joined.a, "one");
    EXPECT_EQ(joined.b, 2);

    const auto nested =
        run_cancelled(join_first(join_first(text_after(never, "one"), text_after(never, "two")),
                                 text_after(never, "three")));
    EXPECT_EQ(nested.a.a, "one");
    EXPECT_EQ(nested.a.b, "two");
    EXPECT_EQ(nested.b, "three");

    const auto first = run_cancelled(race(text_after(never, "one"), text_after(never, "two")));
    EXPECT_EQ(first.index() == 0 ? std::get<0>(first) : std::get<1>(first),
              first.index() == 0 ? "one" : "two");

    const auto results = run_cancelled(both(text_after(never, "one"), text_after(never, "two")));
    EXPECT_EQ(results, std::tuple(std::string("one"), std::string("two")));
}

TEST(Race, AfterACancellationTheSideThatNeedNotWaitIsFirst) {
    const auto never = std::chrono::hours(1);
    const auto first = run_cancelled(race(text_after(never, "one"), number_at_once(2)));
    ASSERT_EQ(first.index(), 1U);
    EXPECT_EQ(std::get<1>(first), 2);
    EXPECT_EQ(run_cancelled(join_first(text_after(never, "one"), number_at_once(2))).first, 1U);
    EXPECT_EQ(run_cancelled(join_first(number_at_once(1), text_after(never, "two"))).first, 0U);
}

Awaitable<int> fail_after(Duration pause) {
    co_await sleep_for(pause);
    throw std::runtime_error("failed");
}

TEST(Race, AnExceptionThatWinsComesOut) {
    boost::asio::io_context context;
    EXPECT_THROW(
        run_coroutine(
            context, race(text_after(std::chrono::hours(1), "never"), fail_after(milliseconds(2)))),
        std::runtime_error);
}

TEST(Race, AnExceptionAfterACancellationComesOut) {
    const auto caught = [](Awaitable<Joined<int, int>> failing) -> Awaitable<std::string> {
        co_await boost::asio::this_coro::throw_if_cancelled(false);
        try {
            co_await std::move(failing);
        } catch (const std::runtime_error& error) {
            co_return error.what();
        }
        co_return "";
    };
    const auto never = std::chrono::hours(1);
    EXPECT_EQ(run_cancelled(caught(join_first(fail_after(never), number_at_once(2)))), "failed");
}

TEST(Race, AnExceptionEndsBothJoinedAndComesOut) {
    boost::asio::io_context context;
    bool ended = false;
    const auto wait_and_note = [](bool& noted) -> Awaitable<int> {
        co_await sleep_for(std::chrono::hours(1));
        noted = true;
        co_return 1;
    };

    EXPECT_THROW(
        run_coroutine(context, join_first(wait_and_note(ended), fail_after(milliseconds(2)))),
        std::runtime_error);

    EXPECT_TRUE(ended);
}

Awaitable<std::string> read_after_a_lost_race(SocketStream& client, SocketStream& server) {
    Bytes buffer(100);
    // The frames of the awaitables outlive the race: named, as they hold what has a destructor.
    auto reading = server.read_some(buffer);
    auto waiting = sleep_for(milliseconds(1));
    const auto first = co_await race(std::move(reading), std::move(waiting));
    EXPECT_EQ(first.index(), 1U);
    const auto greeting = as_bytes("hello");
    const auto written = co_await client.write_all(greeting);
    EXPECT_TRUE(written.has_value());
    const auto count = co_await server.read_some(buffer);
    co_return std::string(as_text(ByteView(buffer).first(*count)));
}

TEST(Race, ALosingReadLosesNoByte) {
    boost::asio::io_context context;
    auto pair = test::tcp_pair(context);

    EXPECT_EQ(run_coroutine(context, read_after_a_lost_race(*pair.client, *pair.server)), "hello");
}

}  // namespace
}  // namespace sluice::net
