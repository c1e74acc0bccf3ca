#include "common/net/io_threads.hpp"

#include <boost/asio/post.hpp>
#include <gtest/gtest.h>
#include <pthread.h>

#include <csignal>
#include <future>
#include <string>

namespace sluice::net {
namespace {

struct Seen {
    std::thread::id thread;
    std::string name;
    bool signals_blocked;
};

Seen look(boost::asio::io_context& context) {
    std::promise<Seen> promise;
    boost::asio::post(context, [&promise] {
        char name[16] = {};
        pthread_getname_np(pthread_self(), name, sizeof name);
        sigset_t mask;
        pthread_sigmask(SIG_SETMASK, nullptr, &mask);
        promise.set_value({std::this_thread::get_id(),
                           name,
                           sigismember(&mask, SIGTERM) == 1 && sigismember(&mask, SIGHUP) == 1});
    });
    return promise.get_future().get();
}

TEST(IoThreads, EveryContextHasItsOwnNamedThreadWithoutSignals) {
    IoThreads threads(2);
    threads.start();

    const auto first = look(threads.context(0));
    const auto second = look(threads.context(1));

    EXPECT_NE(first.thread, second.thread);
    EXPECT_NE(first.thread, std::this_thread::get_id());
    EXPECT_EQ(second.name, "io-1");
    EXPECT_TRUE(first.signals_blocked);
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    EXPECT_EQ(sigismember(&mask, SIGTERM), 0);
}

TEST(IoThreads, ZeroMeansOneACore) {
    const IoThreads threads(0);

    EXPECT_EQ(threads.size(), std::max(1U, std::thread::hardware_concurrency()));
}

TEST(IoThreads, StopsWithWorkPending) {
    IoThreads threads(1);
    threads.start();
    look(threads.context(0));

    threads.stop();
    threads.stop();

    boost::asio::post(threads.context(0), [] { FAIL(); });
}

}  // namespace
}  // namespace sluice::net
