#include "common/net/listener.hpp"

#include "common/base/startup_error.hpp"
#include "common/net/connect.hpp"
#include "common/observability/log.hpp"
#include "tests/support/coroutine.hpp"

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <gtest/gtest.h>

#include <sys/resource.h>

#include <mutex>
#include <set>

namespace sluice::net {
namespace {

using test::run_coroutine;
using test::run_until;

const config::HostPort any_port{"127.0.0.1", 0};

// Keeps what a listener delivers until the workers have ended.
class Delivered {
public:
    Listener::OnAccept callback() {
        return [this](std::size_t worker, std::unique_ptr<SocketStream> stream) {
            const std::lock_guard lock(mutex_);
            workers_.insert(worker);
            streams_.push_back(std::move(stream));
        };
    }
    std::size_t count() const {
        const std::lock_guard lock(mutex_);
        return streams_.size();
    }
    std::set<std::size_t> workers() const {
        const std::lock_guard lock(mutex_);
        return workers_;
    }

private:
    mutable std::mutex mutex_;
    std::set<std::size_t> workers_;
    std::vector<std::unique_ptr<SocketStream>> streams_;
};

std::unique_ptr<SocketStream> dial(boost::asio::io_context& context,
                                   const std::string& host,
                                   std::uint16_t port) {
    auto stream = run_coroutine(context, connect(context, host, port, no_deadline));
    return stream ? std::move(*stream) : nullptr;
}

TEST(Listener, DeliversConnectionsOnEveryWorker) {
    boost::asio::io_context context;
    IoThreads threads(2);
    Delivered delivered;
    {
        Listener listener(threads, any_port, delivered.callback());
        listener.start();
        threads.start();
        std::vector<std::unique_ptr<SocketStream>> clients;
        // The kernel spreads by the hash of the addresses: 40 misses on one side are 2^-39.
        for (int i = 0; i < 40; ++i) clients.push_back(dial(context, "127.0.0.1", listener.port()));
        EXPECT_TRUE(run_until(context, [&] { return delivered.count() == 40; }));
        EXPECT_EQ(delivered.workers(), (std::set<std::size_t>{0, 1}));
    }
    threads.stop();
}

TEST(Listener, CloseRefusesFurtherConnections) {
    boost::asio::io_context context;
    IoThreads threads(1);
    Delivered delivered;
    {
        Listener listener(threads, any_port, delivered.callback());
        listener.start();
        threads.start();
        EXPECT_NE(dial(context, "127.0.0.1", listener.port()), nullptr);
        EXPECT_TRUE(run_until(context, [&] { return delivered.count() == 1; }));

        listener.close();
        listener.close();

        EXPECT_TRUE(run_until(
            context, [&] { return dial(context, "127.0.0.1", listener.port()) == nullptr; }));
    }
    threads.stop();
}

TEST(Listener, CloseDeliversWhatTheKernelHasAccepted) {
    boost::asio::io_context context;
    IoThreads threads(1);
    Delivered delivered;
    {
        Listener listener(threads, any_port, delivered.callback());
        const auto client = dial(context, "127.0.0.1", listener.port());
        ASSERT_NE(client, nullptr);

        listener.close();
        threads.start();

        EXPECT_TRUE(run_until(context, [&] { return delivered.count() == 1; }));
    }
    threads.stop();
}

TEST(Listener, APortInUseIsRefusedAlsoToAnotherListener) {
    IoThreads threads(2);
    Delivered delivered;
    const Listener listener(threads, any_port, delivered.callback());
    const config::HostPort same{"127.0.0.1", listener.port()};

    try {
        const Listener second(threads, same, delivered.callback());
        FAIL() << "two listeners share a port";
    } catch (const StartupError& error) {
        EXPECT_EQ(
            std::string(error.what()),
            "cannot listen on 127.0.0.1:" + std::to_string(same.port) + ": Address already in use");
    }
}

TEST(Listener, AnUnknownHostIsRefused) {
    IoThreads threads(1);
    const config::HostPort unknown{"no-such-host.invalid", 0};

    EXPECT_THROW(Listener(threads, unknown, [](auto, auto) {}), StartupError);
}

TEST(Listener, TakesNamesAndIpv6) {
    boost::asio::io_context context;
    IoThreads threads(1);
    Delivered delivered;
    {
        Listener named(threads, {"localhost", 0}, delivered.callback());
        named.start();
        threads.start();
        EXPECT_NE(dial(context, "localhost", named.port()), nullptr);
        try {
            Listener literal(threads, {"::1", 0}, delivered.callback());
            literal.start();
            EXPECT_NE(dial(context, "::1", literal.port()), nullptr);
        } catch (const StartupError& error) {
            // A machine without IPv6.
            EXPECT_NE(std::string(error.what()).find("::1"), std::string::npos);
        }
    }
    threads.stop();
}

TEST(Listener, WaitsOutAShortageOfDescriptors) {
    boost::asio::io_context context;
    const log::Capture captured;
    IoThreads threads(1);
    Delivered delivered;
    {
        Listener listener(threads, any_port, delivered.callback());
        listener.start();
        const auto client = dial(context, "127.0.0.1", listener.port());
        ASSERT_NE(client, nullptr);
        rlimit before{};
        ::getrlimit(RLIMIT_NOFILE, &before);
        const rlimit none{0, before.rlim_max};
        ::setrlimit(RLIMIT_NOFILE, &none);
        threads.start();
        EXPECT_TRUE(run_until(context, [&] {
            return captured.text().find("out of resources") != std::string::npos;
        }));
        EXPECT_EQ(delivered.count(), 0U);

        ::setrlimit(RLIMIT_NOFILE, &before);

        EXPECT_TRUE(run_until(context, [&] { return delivered.count() == 1; }));
    }
    threads.stop();
    const auto text = captured.text();
    EXPECT_EQ(text.find("out of resources"), text.rfind("out of resources")) << text;
    EXPECT_NE(text.find("again"), std::string::npos) << text;
}

}  // namespace
}  // namespace sluice::net
