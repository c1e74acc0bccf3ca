#include "common/net/shutdown.hpp"

#include "tests/support/coroutine.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

#include <csignal>

namespace sluice::net {
namespace {

TEST(Signals, CallTheirActions) {
    boost::asio::io_context context;
    int stops = 0;
    int reloads = 0;
    Signals signals(
        context, [&] { ++stops; }, [&] { ++reloads; });

    std::raise(SIGHUP);
    std::raise(SIGPIPE);
    EXPECT_TRUE(test::run_until(context, [&] { return reloads == 1; }));
    std::raise(SIGTERM);
    EXPECT_TRUE(test::run_until(context, [&] { return stops == 1; }));
    signals.cancel();
}

TEST(SignalsDeathTest, ASecondStopEndsTheProcess) {
    EXPECT_EXIT(
        {
            boost::asio::io_context context;
            Signals signals(
                context, [] { std::raise(SIGINT); }, [] {});
            std::raise(SIGTERM);
            context.run();
        },
        ::testing::ExitedWithCode(1),
        "");
}

}  // namespace
}  // namespace sluice::net
