#include "proxy/passthrough/session_tracker.hpp"

#include "tests/unit/proxy/bytes.hpp"

#include <gtest/gtest.h>

namespace sluice::proxy {
namespace {

using test::joined;
using test::message;

SessionTracker logged_in() {
    SessionTracker tracker;
    tracker.on_compute(joined({message('R', std::string(4, '\0')),
                               message('S', "a\0b\0"),
                               message('K', "12345678"),
                               message('Z', "I")}));
    return tracker;
}

TEST(SessionTracker, IsNotIdleBeforeTheLoginIsOver) {
    SessionTracker tracker;
    EXPECT_FALSE(tracker.idle());
    tracker.on_client(message('p', "secret"));
    EXPECT_FALSE(tracker.idle());
    tracker.on_compute(message('R', std::string(4, '\0')));
    EXPECT_FALSE(tracker.idle());
    tracker.on_compute(message('Z', "I"));
    EXPECT_TRUE(tracker.idle());
}

TEST(SessionTracker, IsBusyFromQueryToReadyForQuery) {
    SessionTracker tracker = logged_in();
    tracker.on_client(message('Q', "select 1"));
    EXPECT_FALSE(tracker.idle());
    tracker.on_compute(joined({message('T', "x"), message('D', "y"), message('C', "z")}));
    EXPECT_FALSE(tracker.idle());
    tracker.on_compute(message('Z', "I"));
    EXPECT_TRUE(tracker.idle());
}

TEST(SessionTracker, FollowsTheTransactionStatus) {
    SessionTracker tracker = logged_in();
    tracker.on_client(message('Q', "begin"));
    tracker.on_compute(message('Z', "T"));
    EXPECT_FALSE(tracker.idle());
    tracker.on_client(message('Q', "bad"));
    tracker.on_compute(message('Z', "E"));
    EXPECT_FALSE(tracker.idle());
    tracker.on_client(message('Q', "rollback"));
    tracker.on_compute(message('Z', "I"));
    EXPECT_TRUE(tracker.idle());
}

TEST(SessionTracker, CountsPipelinedQueries) {
    SessionTracker tracker = logged_in();
    tracker.on_client(
        joined({message('Q', "1"), message('P', "2"), message('S'), message('F', "3")}));
    tracker.on_compute(message('Z', "I"));
    EXPECT_FALSE(tracker.idle());
    tracker.on_compute(message('Z', "I"));
    EXPECT_FALSE(tracker.idle());
    tracker.on_compute(message('Z', "I"));
    EXPECT_TRUE(tracker.idle());
}

TEST(SessionTracker, IsBusyWhileAnExtendedQueryLacksItsSync) {
    for (const char tag : {'P', 'B', 'D', 'E', 'C', 'H'}) {
        SCOPED_TRACE(tag);
        SessionTracker tracker = logged_in();
        tracker.on_client(message(tag, "x"));
        EXPECT_FALSE(tracker.idle());
        tracker.on_compute(message('1'));
        EXPECT_FALSE(tracker.idle());
        tracker.on_client(message('S'));
        EXPECT_FALSE(tracker.idle());
        tracker.on_compute(message('Z', "I"));
        EXPECT_TRUE(tracker.idle());
    }
}

TEST(SessionTracker, IgnoresWhatMayComeAtAnyTime) {
    SessionTracker tracker = logged_in();
    tracker.on_compute(
        joined({message('N', "notice"), message('A', "notify"), message('S', "a\0b")}));
    EXPECT_TRUE(tracker.idle());
}

// A second ReadyForQuery for the login would otherwise wrap the counter round.
TEST(SessionTracker, SurvivesReadyForQueryThatNobodyAskedFor) {
    SessionTracker tracker = logged_in();
    tracker.on_compute(joined({message('Z', "I"), message('Z', "I")}));
    EXPECT_TRUE(tracker.idle());
    tracker.on_client(message('Q', "1"));
    EXPECT_FALSE(tracker.idle());
    tracker.on_compute(message('Z', "I"));
    EXPECT_TRUE(tracker.idle());
}

TEST(SessionTracker, IsNotIdleInsideAMessage) {
    const Bytes query = message('Q', "select 1");
    const Bytes notice = message('N', "hello");
    for (std::size_t cut = 1; cut < query.size(); ++cut) {
        SCOPED_TRACE(cut);
        SessionTracker tracker = logged_in();
        tracker.on_client(ByteView(query).first(cut));
        EXPECT_FALSE(tracker.idle());
    }
    for (std::size_t cut = 1; cut < notice.size(); ++cut) {
        SCOPED_TRACE(cut);
        SessionTracker tracker = logged_in();
        tracker.on_compute(ByteView(notice).first(cut));
        EXPECT_FALSE(tracker.at_compute_boundary());
        EXPECT_FALSE(tracker.idle());
        tracker.on_compute(ByteView(notice).subspan(cut));
        EXPECT_TRUE(tracker.at_compute_boundary());
        EXPECT_TRUE(tracker.idle());
    }
}

TEST(SessionTracker, SeesTheSameHoweverTheBytesAreCut) {
    const Bytes from_client = joined({message('Q', "a"), message('P', "b"), message('S')});
    const Bytes from_compute =
        joined({message('T', "xyz"), message('n'), message('Z', "T"), message('Z', "I")});
    for (std::size_t i = 0; i <= from_client.size(); ++i) {
        for (std::size_t j = 0; j <= from_compute.size(); ++j) {
            SessionTracker tracker = logged_in();
            tracker.on_client(ByteView(from_client).first(i));
            tracker.on_client(ByteView(from_client).subspan(i));
            tracker.on_compute(ByteView(from_compute).first(j));
            EXPECT_EQ(tracker.idle(), j == from_compute.size());
            tracker.on_compute(ByteView(from_compute).subspan(j));
            EXPECT_TRUE(tracker.idle()) << i << " " << j;
        }
    }
}

TEST(SessionTracker, SeesTheSameByteByByte) {
    SessionTracker tracker;
    const auto feed_bytes = [](const Bytes& all, auto feed) {
        for (const std::uint8_t byte : all) feed(ByteView(&byte, 1));
    };
    feed_bytes(joined({message('K', "12345678"), message('Z', "I")}),
               [&](ByteView byte) { tracker.on_compute(byte); });
    EXPECT_TRUE(tracker.idle());
    feed_bytes(message('Q', "x"), [&](ByteView byte) { tracker.on_client(byte); });
    EXPECT_FALSE(tracker.idle());
    feed_bytes(message('Z', "T"), [&](ByteView byte) { tracker.on_compute(byte); });
    EXPECT_FALSE(tracker.idle());
}

TEST(SessionTracker, NeverCallsABrokenStreamIdle) {
    for (const std::uint8_t length : {0, 1, 2, 3}) {
        SCOPED_TRACE(static_cast<int>(length));
        SessionTracker by_client = logged_in();
        by_client.on_client(Bytes{'H', 0, 0, 0, length});
        EXPECT_FALSE(by_client.idle());
        SessionTracker by_compute = logged_in();
        by_compute.on_compute(Bytes{'N', 0, 0, 0, length});
        by_compute.on_compute(message('Z', "I"));
        EXPECT_FALSE(by_compute.idle());
    }
}

TEST(SessionTracker, FollowsTheLongestMessage) {
    SessionTracker tracker = logged_in();
    tracker.on_compute(Bytes{'D', 0xFF, 0xFF, 0xFF, 0xFF});
    const Bytes chunk(1U << 20U, 'x');
    for (int i = 0; i < 4095; ++i) tracker.on_compute(chunk);
    tracker.on_compute(ByteView(chunk).first(chunk.size() - 6));
    EXPECT_FALSE(tracker.at_compute_boundary());
    tracker.on_compute(ByteView(chunk).first(1));
    EXPECT_TRUE(tracker.at_compute_boundary());
}

}  // namespace
}  // namespace sluice::proxy
