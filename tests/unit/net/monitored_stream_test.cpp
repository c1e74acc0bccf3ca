#include "common/net/monitored_stream.hpp"

#include "tests/support/memory_stream.hpp"
#include "tests/unit/net/tls_fixture.hpp"

#include <boost/asio/error.hpp>
#include <gtest/gtest.h>

namespace sluice::net {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds soon{20};

// A monitored stream and the other end of its socket, whose buffers are small.
struct Fixture {
    explicit Fixture(const MonitoredStream::Options& options, bool tls = false) {
        auto pair = test::narrow_pair(context);
        std::unique_ptr<ByteStream> near = std::move(pair.server);
        peer = std::move(pair.client);
        if (tls) {
            auto shaken = shake_hands(context, test::narrow_pair(context));
            near = std::move(*shaken.server);
            peer = std::move(*shaken.client);
        }
        stream = std::make_unique<MonitoredStream>(std::move(near), counters, options);
    }

    Result<std::size_t> read() { return test::run_coroutine(context, stream->read_some(buffer)); }

    boost::asio::io_context context;
    StreamCounters counters;
    Bytes buffer = Bytes(1000);
    std::unique_ptr<ByteStream> peer;
    std::unique_ptr<MonitoredStream> stream;
};

// Reads everything there is and gives the number of bytes.
std::size_t drain(ByteStream& stream) {
    Bytes buffer(4096);
    std::size_t total = 0;
    for (;;) {
        const auto attempt = stream.try_read(buffer);
        if (attempt.status != ByteStream::Attempt::Status::done) return total;
        total += attempt.count;
    }
}

TEST(MonitoredStream, CountsThePayloadInBothDirections) {
    for (const bool tls : {false, true}) {
        SCOPED_TRACE(tls);
        Fixture fixture({}, tls);
        ASSERT_TRUE(test::run_coroutine(fixture.context, fixture.stream->write_all(Bytes(700))));
        EXPECT_EQ(fixture.stream->try_write(Bytes(11)).count, 11U);
        ASSERT_TRUE(test::run_coroutine(fixture.context, fixture.peer->write_all(Bytes(300))));
        EXPECT_EQ(*fixture.read(), 300U);
        ASSERT_TRUE(test::run_coroutine(fixture.context, fixture.peer->write_all(Bytes(22))));
        EXPECT_EQ(fixture.stream->try_read(fixture.buffer).count, 22U);

        EXPECT_EQ(fixture.counters.sent, 711U);
        EXPECT_EQ(fixture.counters.received, 322U);
        EXPECT_EQ(fixture.counters.timeouts, 0U);
        EXPECT_EQ(drain(*fixture.peer), 711U);
        EXPECT_EQ(fixture.stream->encrypted(), tls);
        EXPECT_EQ(fixture.stream->channel_binding(), fixture.peer->channel_binding());
        EXPECT_EQ(fixture.stream->channel_binding().empty(), !tls);
    }
}

TEST(MonitoredStream, AReadGivesUpWhenNothingComes) {
    for (const bool tls : {false, true}) {
        SCOPED_TRACE(tls);
        Fixture fixture({soon, std::nullopt}, tls);
        const auto ended = fixture.read();
        ASSERT_FALSE(ended);
        EXPECT_TRUE(is_timeout(ended.error().code));
        EXPECT_EQ(ended.error().kind, ErrorKind::peer);
        EXPECT_EQ(fixture.counters.timeouts, 1U);

        ASSERT_TRUE(test::run_coroutine(fixture.context, fixture.peer->write_all(Bytes(5))));
        EXPECT_EQ(fixture.stream->try_read(fixture.buffer).count, 5U);  // knows no limit
        EXPECT_EQ(fixture.counters.timeouts, 1U);
    }
}

TEST(MonitoredStream, AWriteGivesUpWhenThePeerTakesNothing) {
    for (const bool tls : {false, true}) {
        SCOPED_TRACE(tls);
        Fixture fixture({std::nullopt, soon}, tls);
        ASSERT_EQ(fixture.stream->try_write(Bytes(100)).count, 100U);  // knows no limit
        const auto ended =
            test::run_coroutine(fixture.context, fixture.stream->write_all(Bytes(1'000'000)));
        ASSERT_FALSE(ended);
        EXPECT_TRUE(is_timeout(ended.error().code));
        EXPECT_EQ(fixture.counters.timeouts, 1U);
        EXPECT_GE(fixture.counters.sent, 100U);
        EXPECT_LT(fixture.counters.sent, 1'000'000U);
    }
}

// One side meets its limit again and again while the other waits: that one hears nothing of it.
Awaitable<int> meet_limits(MonitoredStream& stream, int count) {
    Bytes buffer(10);
    int met = 0;
    for (int i = 0; i < count; ++i) {
        const ByteSpan space = buffer;
        auto read = co_await stream.read_some(space);
        if (!read && is_timeout(read.error().code)) ++met;
    }
    co_return met;
}

TEST(MonitoredStream, ALimitOfOneDirectionLeavesTheOther) {
    for (const bool tls : {false, true}) {
        SCOPED_TRACE(tls);
        Fixture fixture({milliseconds(3), std::nullopt}, tls);
        const Bytes big(200'000);
        auto meeting = meet_limits(*fixture.stream, 5);
        auto writing = fixture.stream->write_all(big);
        const auto joined = test::run_coroutine(fixture.context,
                                                join_first(std::move(meeting), std::move(writing)));
        EXPECT_EQ(joined.first, 0U);  // nobody read
        EXPECT_EQ(joined.a, 5);
        ASSERT_FALSE(joined.b);
        EXPECT_EQ(joined.b.error().code, boost::asio::error::operation_aborted);
        EXPECT_EQ(fixture.counters.timeouts, 5U);
    }
}

TEST(MonitoredStream, AReadOutlastsALimitOfTheWriter) {
    Fixture fixture({std::nullopt, milliseconds(3)});
    const Bytes big(200'000);
    auto reading = fixture.stream->read_some(fixture.buffer);
    auto working = [](Fixture& one, const Bytes& data) -> Awaitable<bool> {
        auto written = co_await one.stream->write_all(data);
        auto sent = co_await one.peer->write_all(ByteView(data).first(7));
        co_return !written && sent;
    }(fixture, big);
    const auto [read, worked] =
        test::run_coroutine(fixture.context, both(std::move(reading), std::move(working)));
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, 7U);
    EXPECT_TRUE(worked);
    EXPECT_EQ(fixture.counters.timeouts, 1U);
}

TEST(MonitoredStream, TheOwnersDeadlineHoldsBesideTheLimits) {
    Fixture fixture({std::chrono::hours(1), std::chrono::hours(1)});
    fixture.stream->set_deadline(std::chrono::steady_clock::now() + soon);
    const auto read = fixture.read();
    ASSERT_FALSE(read);
    EXPECT_TRUE(is_timeout(read.error().code));
    EXPECT_FALSE(test::run_coroutine(fixture.context, fixture.stream->write_all(Bytes(1'000'000))));
    EXPECT_EQ(fixture.counters.timeouts, 0U);

    fixture.stream->set_deadline(no_deadline);
    ASSERT_TRUE(test::run_coroutine(fixture.context, fixture.peer->write_all(Bytes(5))));
    EXPECT_EQ(*fixture.read(), 5U);
}

// A peer that vanished: TCP gives up, and then has nothing more to say. With `stays`, as in TLS, the
// failure does.
class VanishedPeer final : public test::MemoryStream {
public:
    explicit VanishedPeer(bool stays) : stays_(stays) {}
    Awaitable<Result<std::size_t>> read_some(ByteSpan) override { return fail(); }
    Awaitable<Result<std::size_t>> write_some(ByteView) override { return fail(); }
    std::size_t calls = 0;

private:
    static constexpr std::size_t calls_max = 100;  // somebody tries again and again
    Awaitable<Result<std::size_t>> fail() {
        ++calls;
        if (calls == 1 || (stays_ && calls < calls_max)) {
            co_return Error(ErrorKind::peer, "", timed_out_error());
        }
        co_return std::size_t(0);
    }
    bool stays_;
};

TEST(MonitoredStream, ATimeoutOfTcpIsAFailureLikeAnyOther) {
    for (const bool stays : {false, true}) {
        for (const bool limited : {false, true}) {
            SCOPED_TRACE(std::string(stays ? "stays" : "goes") + (limited ? ", limited" : ""));
            MonitoredStream::Options options;
            if (limited) options = {std::chrono::hours(1), std::chrono::hours(1)};
            boost::asio::io_context context;
            Bytes buffer(100);
            for (const bool reads : {true, false}) {
                auto peer = std::make_unique<VanishedPeer>(stays);
                const VanishedPeer& vanished = *peer;
                StreamCounters counters;
                MonitoredStream stream(std::move(peer), counters, options);
                stream.set_deadline(std::chrono::steady_clock::now() + std::chrono::hours(1));
                const auto result = test::run_coroutine(
                    context, reads ? stream.read_some(buffer) : stream.write_some(buffer));
                ASSERT_FALSE(result);
                EXPECT_TRUE(is_timeout(result.error().code));
                EXPECT_EQ(vanished.calls, 1U);
                EXPECT_EQ(counters.timeouts, 0U);
            }
        }
    }
}

TEST(MonitoredStream, ACancelledReadIsNoTimeoutAndLosesNothing) {
    Fixture fixture({std::chrono::hours(1), std::nullopt});
    const auto cancelled =
        test::run_and_cancel(fixture.context, fixture.stream->read_some(fixture.buffer));
    ASSERT_FALSE(cancelled);
    EXPECT_EQ(cancelled.error().code, boost::asio::error::operation_aborted);
    EXPECT_EQ(fixture.counters.timeouts, 0U);
    EXPECT_EQ(fixture.counters.received, 0U);

    ASSERT_TRUE(test::run_coroutine(fixture.context, fixture.peer->write_all(Bytes(9))));
    EXPECT_EQ(*fixture.read(), 9U);
    EXPECT_EQ(fixture.counters.received, 9U);
}

TEST(MonitoredStream, ClosingEndsAReadThatWaits) {
    Fixture fixture({std::chrono::hours(1), std::nullopt});
    auto closing = [](Fixture& one) -> Awaitable<int> {
        one.stream->close();
        co_return 0;
    }(fixture);
    const auto [read, closed] = test::run_coroutine(
        fixture.context, both(fixture.stream->read_some(fixture.buffer), std::move(closing)));
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, boost::asio::error::operation_aborted);
    EXPECT_EQ(closed, 0);
}

}  // namespace
}  // namespace sluice::net
