#include "proxy/management/waiters.hpp"

#include "common/net/race.hpp"
#include "tests/support/coroutine.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace sluice::proxy {
namespace {

using test::run_coroutine;

Deadline later() { return std::chrono::steady_clock::now() + test::patience; }

LinkOutcome success_at(std::string host) {
    auth::LinkSuccess success;
    success.host = std::move(host);
    return success;
}

std::string host_of(const std::optional<LinkOutcome>& outcome) {
    if (!outcome) return "none";
    const auto* success = std::get_if<auth::LinkSuccess>(&*outcome);
    return success == nullptr ? "no success" : success->host;
}

class WaitersTest : public testing::Test {
protected:
    boost::asio::io_context context;
    Waiters waiters;
};

TEST_F(WaitersTest, HandOverTheOutcomeOnce) {
    auto waiter = waiters.add(context, "id");
    ASSERT_TRUE(waiter);
    EXPECT_TRUE(waiters.notify("id", success_at("db")));
    EXPECT_FALSE(waiters.notify("id", success_at("other")));
    EXPECT_EQ(host_of(run_coroutine(context, waiter->wait(later()))), "db");
}

TEST_F(WaitersTest, WakeOneThatWaitsAlready) {
    auto waiter = waiters.add(context, "id");
    std::optional<LinkOutcome> outcome;
    boost::asio::co_spawn(context,
                          waiter->wait(later()),
                          [&](const std::exception_ptr&, std::optional<LinkOutcome> value) {
                              outcome = std::move(value);
                          });
    context.poll();
    EXPECT_FALSE(outcome);
    std::thread([&] {
        EXPECT_TRUE(waiters.notify("id", auth::LinkFailure{"denied by x"}));
    }).join();
    ASSERT_TRUE(test::run_until(context, [&] { return outcome.has_value(); }));
    ASSERT_TRUE(std::holds_alternative<auth::LinkFailure>(*outcome));
    EXPECT_TRUE(std::get<auth::LinkFailure>(*outcome).denied());
}

TEST_F(WaitersTest, KnowNobodyUnderAnotherId) {
    const auto waiter = waiters.add(context, "id");
    EXPECT_FALSE(waiters.notify("", success_at("db")));
    EXPECT_FALSE(waiters.notify("ID", success_at("db")));
    EXPECT_FALSE(waiters.notify("id2", success_at("db")));
}

TEST_F(WaitersTest, RefuseAnIdThatIsTaken) {
    const auto waiter = waiters.add(context, "id");
    EXPECT_TRUE(waiter);
    EXPECT_FALSE(waiters.add(context, "id"));
    EXPECT_TRUE(waiters.notify("id", success_at("db"))) << "the refused one took nothing away";
}

TEST_F(WaitersTest, ForgetAWaiterThatIsGone) {
    {
        auto waiter = waiters.add(context, "id");
        const Waiters::Waiter moved = std::move(*waiter);
        waiter.reset();
        EXPECT_FALSE(waiters.add(context, "id")) << "a moved one still waits";
    }
    EXPECT_FALSE(waiters.notify("id", success_at("db")));
    EXPECT_TRUE(waiters.add(context, "id"));
}

TEST_F(WaitersTest, EndAtTheDeadline) {
    auto waiter = waiters.add(context, "id");
    const auto outcome = run_coroutine(context, waiter->wait(std::chrono::steady_clock::now()));
    EXPECT_FALSE(outcome);
}

TEST_F(WaitersTest, CanBeEndedFromTheirOwnSide) {
    auto waiter = waiters.add(context, "id");
    waiter->end(Draining());
    const auto outcome = run_coroutine(context, waiter->wait(later()));
    ASSERT_TRUE(outcome);
    EXPECT_TRUE(std::holds_alternative<Draining>(*outcome));
}

TEST_F(WaitersTest, KeepTheFirstOutcome) {
    auto waiter = waiters.add(context, "id");
    EXPECT_TRUE(waiters.notify("id", success_at("db")));
    waiter->end(Draining());
    EXPECT_EQ(host_of(run_coroutine(context, waiter->wait(later()))), "db");
}

TEST_F(WaitersTest, DoNotMindAnOutcomeBehindTheWaiter) {
    auto waiter = waiters.add(context, "id");
    EXPECT_TRUE(waiters.notify("id", success_at("db")));
    waiter.reset();
    context.poll();
    EXPECT_FALSE(waiters.notify("id", success_at("db")));
}

TEST_F(WaitersTest, AreSafeFromManyThreads) {
    boost::asio::io_context other;
    const auto add_and_notify = [&](boost::asio::io_context& own, const std::string& prefix) {
        for (int i = 0; i < 2000; ++i) {
            const std::string id = prefix + std::to_string(i);
            const auto waiter = waiters.add(own, id);
            EXPECT_TRUE(waiter);
            EXPECT_TRUE(waiters.notify(id, success_at("db")));
        }
    };
    std::thread first([&] { add_and_notify(context, "a"); });
    std::thread second([&] { add_and_notify(other, "b"); });
    first.join();
    second.join();
}

}  // namespace
}  // namespace sluice::proxy
