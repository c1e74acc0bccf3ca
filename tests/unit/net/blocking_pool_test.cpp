#include "common/net/blocking_pool.hpp"

#include "common/net/race.hpp"
#include "common/net/timer.hpp"
#include "tests/support/coroutine.hpp"

#include <gtest/gtest.h>

#include <future>
#include <thread>

namespace sluice::net {
namespace {

using std::chrono::milliseconds;
using test::run_coroutine;

Awaitable<std::string> run_captures(boost::asio::io_context& context,
                                    BlockingPool& pool,
                                    std::string text,
                                    std::shared_ptr<int> number) {
    auto work = [text, number] { return text + std::to_string(*number); };
    co_return co_await pool.run(context, std::move(work));
}

TEST(BlockingPool, GivesTheValueOfWorkThatCapturesByValue) {
    boost::asio::io_context context;
    BlockingPool pool(2);

    const auto value = run_coroutine(
        context,
        run_captures(
            context, pool, "a rather long text with a number: ", std::make_shared<int>(42)));

    EXPECT_EQ(value, "a rather long text with a number: 42");
}

Awaitable<bool> runs_elsewhere(boost::asio::io_context& context, BlockingPool& pool) {
    const auto here = std::this_thread::get_id();
    auto work = [] { return std::this_thread::get_id(); };
    const auto there = co_await pool.run(context, std::move(work));
    co_return there != here&& std::this_thread::get_id() == here;
}

TEST(BlockingPool, WorksElsewhereAndResumesHere) {
    boost::asio::io_context context;
    BlockingPool pool(1);

    EXPECT_TRUE(run_coroutine(context, runs_elsewhere(context, pool)));
}

Awaitable<std::unique_ptr<std::string>> run_move_only(boost::asio::io_context& context,
                                                      BlockingPool& pool) {
    auto work = [] { return std::make_unique<std::string>("moved"); };
    co_return co_await pool.run(context, std::move(work));
}

TEST(BlockingPool, GivesValuesThatCannotBeCopied) {
    boost::asio::io_context context;
    BlockingPool pool(1);

    EXPECT_EQ(*run_coroutine(context, run_move_only(context, pool)), "moved");
}

Awaitable<std::string> run_gated(boost::asio::io_context& context,
                                 BlockingPool& pool,
                                 std::shared_future<void> gate) {
    auto work = [gate] {
        gate.wait();
        return std::string("the end of work that was cancelled");
    };
    co_return co_await pool.run(context, std::move(work));
}

Awaitable<bool> open_gate(std::promise<void>& gate, std::atomic<bool>& opened) {
    co_await sleep_for(milliseconds(1));
    opened = true;
    gate.set_value();
    co_return true;
}

Awaitable<bool> sleep_then_open(boost::asio::io_context& context,
                                std::promise<void>& gate,
                                std::atomic<bool>& opened) {
    co_await sleep_for(milliseconds(1));
    // After this coroutine has ended, and with it the race.
    boost::asio::co_spawn(context, open_gate(gate, opened), [](std::exception_ptr, bool) {});
    co_return true;
}

TEST(BlockingPool, ACancelledCallerStillWaitsForItsWork) {
    boost::asio::io_context context;
    BlockingPool pool(1);
    std::promise<void> gate;
    std::atomic<bool> opened{false};
    auto working = run_gated(context, pool, gate.get_future().share());

    const auto first =
        run_coroutine(context, race(std::move(working), sleep_then_open(context, gate, opened)));

    EXPECT_EQ(first.index(), 1U);
    EXPECT_TRUE(opened);
}

// Work that may be dropped, behind other work that holds the only thread of the pool.
Awaitable<bool> wait_behind(boost::asio::io_context& context,
                            BlockingPool& pool,
                            std::atomic<bool>& begun) {
    auto work = [&begun] { return begun = true; };
    const auto value = co_await pool.run_or_drop(context, std::move(work));
    co_return value.has_value();
}

TEST(BlockingPool, WorkOfACancelledCallerIsDropped) {
    boost::asio::io_context context;
    std::promise<void> gate;
    std::atomic<bool> begun{false};
    {
        BlockingPool pool(1);
        boost::asio::co_spawn(context,
                              run_gated(context, pool, gate.get_future().share()),
                              [](std::exception_ptr, const std::string&) {});
        context.poll();
        test::run_until(context, [&] { return pool.waiting() == 0; });

        EXPECT_FALSE(test::run_and_cancel(context, wait_behind(context, pool, begun)));
        EXPECT_EQ(pool.waiting(), 1U);

        gate.set_value();
        std::atomic<bool> next_begun{false};
        EXPECT_TRUE(run_coroutine(context, wait_behind(context, pool, next_begun)));
        EXPECT_TRUE(next_begun);
        EXPECT_EQ(pool.waiting(), 0U);
    }
    EXPECT_FALSE(begun);
}

TEST(BlockingPool, WorkWhoseCallerIsDestroyedKeepsItsMemory) {
    std::promise<void> gate;
    {
        boost::asio::io_context context;
        BlockingPool pool(1);
        boost::asio::co_spawn(context,
                              run_gated(context, pool, gate.get_future().share()),
                              [](std::exception_ptr, const std::string&) {});
        context.poll();
        gate.set_value();
    }
}

}  // namespace
}  // namespace sluice::net
