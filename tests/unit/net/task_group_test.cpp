#include "common/net/task_group.hpp"

#include "common/net/race.hpp"
#include "common/net/timer.hpp"
#include "common/observability/log.hpp"
#include "tests/support/coroutine.hpp"
#include "tests/support/socket_pair.hpp"

#include <gtest/gtest.h>

namespace sluice::net {
namespace {

using std::chrono::milliseconds;
using test::run_coroutine;

Awaitable<void> sleep_forever(std::shared_ptr<int> ended) {
    co_await sleep_until(no_deadline);
    ++*ended;
}

Awaitable<void> end_at_once(std::shared_ptr<int> ended) {
    ++*ended;
    co_return;
}

Awaitable<void> fail_after(Duration pause) {
    co_await sleep_for(pause);
    throw std::runtime_error("out of cheese");
}

TEST(TaskGroup, JoinWaitsForTheLastTask) {
    boost::asio::io_context context;
    TaskGroup group(context);
    auto ended = std::make_shared<int>(0);
    group.spawn(end_at_once(ended));
    group.spawn(end_at_once(ended));
    EXPECT_EQ(group.running(), 2U);

    EXPECT_TRUE(run_coroutine(context, group.join(no_deadline)));

    EXPECT_EQ(*ended, 2);
    EXPECT_EQ(group.running(), 0U);
}

TEST(TaskGroup, JoinGivesUpAtTheDeadline) {
    boost::asio::io_context context;
    TaskGroup group(context);
    auto ended = std::make_shared<int>(0);
    group.spawn(sleep_forever(ended));

    const auto deadline = std::chrono::steady_clock::now() + milliseconds(2);
    EXPECT_FALSE(run_coroutine(context, group.join(deadline)));
    EXPECT_EQ(group.running(), 1U);

    group.cancel();
    EXPECT_TRUE(run_coroutine(context, group.join(no_deadline)));
    EXPECT_EQ(*ended, 1);
}

Awaitable<void> read_forever(SocketStream& stream, boost::system::error_code& reason) {
    Bytes buffer(10);
    for (;;) {
        const auto count = co_await stream.read_some(buffer);
        if (count) continue;
        reason = count.error().code;
        co_return;
    }
}

Awaitable<bool> cancel_and_join(TaskGroup& group) {
    co_await sleep_for(milliseconds(1));
    group.cancel();
    co_return co_await group.join(no_deadline);
}

TEST(TaskGroup, CancelEndsAReadWithAValue) {
    boost::asio::io_context context;
    auto pair = test::tcp_pair(context);
    TaskGroup group(context);
    boost::system::error_code reason;
    group.spawn(read_forever(*pair.server, reason));

    EXPECT_TRUE(run_coroutine(context, cancel_and_join(group)));

    EXPECT_EQ(reason, boost::system::errc::operation_canceled);
}

TEST(TaskGroup, CancelReachesATaskThatHasNotBegun) {
    boost::asio::io_context context;
    auto pair = test::tcp_pair(context);
    TaskGroup group(context);
    boost::system::error_code reason;
    group.spawn(read_forever(*pair.server, reason));
    group.cancel();

    EXPECT_TRUE(run_coroutine(context, group.join(no_deadline)));

    EXPECT_EQ(reason, boost::system::errc::operation_canceled);
}

TEST(TaskGroup, CancelReachesATaskWhoseReadHasJustEnded) {
    boost::asio::io_context context;
    auto pair = test::tcp_pair(context);
    TaskGroup group(context);
    boost::system::error_code reason;
    group.spawn(read_forever(*pair.server, reason));
    // The read's completion is queued behind the cancellation.
    pair.client->try_write(as_bytes("x"));
    boost::asio::post(context, [&] { group.cancel(); });

    EXPECT_TRUE(run_coroutine(context, group.join(no_deadline)));

    EXPECT_EQ(reason, boost::system::errc::operation_canceled);
}

Awaitable<void> end_in_the_next_turn(boost::asio::io_context& context, bool& begun) {
    begun = true;
    co_await boost::asio::post(context, use_result);
}

TEST(TaskGroup, CancelFromOutsideMayMeetATaskThatIsAboutToEnd) {
    boost::asio::io_context context;
    TaskGroup group(context);
    bool begun = false;
    group.spawn(end_in_the_next_turn(context, begun));
    ASSERT_TRUE(test::run_until(context, [&] { return begun; }));
    group.cancel();

    EXPECT_TRUE(run_coroutine(context, group.join(no_deadline)));
}

Awaitable<void> cancel_own_group(TaskGroup& group, std::shared_ptr<int> ended) {
    group.cancel();
    const bool slept = co_await sleep_until(no_deadline);
    if (!slept) ++*ended;
}

TEST(TaskGroup, ATaskMayCancelItsOwnGroup) {
    boost::asio::io_context context;
    TaskGroup group(context);
    auto ended = std::make_shared<int>(0);
    group.spawn(sleep_forever(ended));
    group.spawn(cancel_own_group(group, ended));

    EXPECT_TRUE(run_coroutine(context, group.join(no_deadline)));

    EXPECT_EQ(*ended, 2);
}

Awaitable<void> race_inside(SocketStream& stream, std::shared_ptr<int> ended) {
    Bytes buffer(10);
    auto reading = stream.read_some(buffer);
    auto waiting = sleep_until(no_deadline);
    co_await race(std::move(reading), std::move(waiting));
    ++*ended;
}

TEST(TaskGroup, CancelReachesIntoARace) {
    boost::asio::io_context context;
    auto pair = test::tcp_pair(context);
    TaskGroup group(context);
    auto ended = std::make_shared<int>(0);
    group.spawn(race_inside(*pair.server, ended));

    EXPECT_TRUE(run_coroutine(context, cancel_and_join(group)));

    EXPECT_EQ(*ended, 1);
}

TEST(TaskGroup, AnExceptionIsLoggedAndEndsOnlyItsTask) {
    boost::asio::io_context context;
    const log::Capture captured;
    TaskGroup group(context);
    auto ended = std::make_shared<int>(0);
    group.spawn(fail_after(milliseconds(0)));
    group.spawn(sleep_forever(ended));

    const auto deadline = std::chrono::steady_clock::now() + milliseconds(5);
    EXPECT_FALSE(run_coroutine(context, group.join(deadline)));

    EXPECT_EQ(group.running(), 1U);
    EXPECT_NE(captured.text().find("out of cheese"), std::string::npos) << captured.text();
    EXPECT_TRUE(run_coroutine(context, cancel_and_join(group)));
}

TEST(TaskGroup, SeveralMayJoin) {
    boost::asio::io_context context;
    TaskGroup group(context);
    auto ended = std::make_shared<int>(0);
    group.spawn(sleep_forever(ended));

    const auto results =
        run_coroutine(context, both(group.join(no_deadline), cancel_and_join(group)));

    EXPECT_TRUE(std::get<0>(results));
    EXPECT_TRUE(std::get<1>(results));
}

TEST(TaskGroup, MayGoAfterItsContextWasStopped) {
    boost::asio::io_context context;
    auto ended = std::make_shared<int>(0);
    {
        TaskGroup group(context);
        group.spawn(sleep_forever(ended));
        context.poll();
        context.stop();
    }
    EXPECT_EQ(*ended, 0);
}

TEST(TaskGroupDeathTest, MustNotGoBeforeItsTasks) {
    EXPECT_DEATH(
        {
            boost::asio::io_context context;
            TaskGroup group(context);
            group.spawn(sleep_forever(std::make_shared<int>(0)));
            context.poll();
        },
        "");
}

}  // namespace
}  // namespace sluice::net
