#include "backend/protocol/replication.hpp"

#include "backend/protocol/frame.hpp"
#include "tests/unit/backend/protocol/message_checks.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <limits>

namespace sluice::pg {
namespace {

using namespace std::string_view_literals;

constexpr auto xlog_data = "w\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\0\3wal"sv;
constexpr auto keepalive = "k\0\0\0\0\0\0\2\0\0\0\0\0\0\0\0\3\1"sv;
constexpr auto standby_status =
    "r\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\4\1"sv;
constexpr auto hot_standby_feedback = "h\0\0\0\0\0\0\0\5\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4"sv;
constexpr auto neon_feedback = "z\0\0\0\0\0\0\0\3abc"sv;

// The payload of the one CopyData in `out`.
std::string payload_of(const Bytes& out) {
    const FrameLook look = look_at_frame(out, 1000);
    EXPECT_EQ(look.state, FrameLook::State::complete);
    EXPECT_EQ(look.frame.tag, 'd');
    EXPECT_EQ(look.frame.size(), out.size());
    return std::string(as_text(look.frame.body));
}

TEST(Replication, XLogDataHasItsPositionsTimeAndBytes) {
    const Bytes payload = bytes_of(xlog_data);
    const auto message = parse_replication_message(payload);
    ASSERT_TRUE(message);
    const XLogData& data = std::get<XLogData>(*message);
    EXPECT_EQ(data.start, Lsn(0x100));
    EXPECT_EQ(data.end, Lsn(0x200));
    EXPECT_EQ(data.time, 3);
    EXPECT_EQ(as_text(data.data), "wal");
    EXPECT_EQ(data.data.data(), payload.data() + 25);

    Bytes out;
    encode_replication_message(out, *message);
    EXPECT_EQ(payload_of(out), xlog_data);
}

TEST(Replication, XLogDataMayBeEmptyButNotShorterThanItsHeader) {
    EXPECT_TRUE(parse_replication_message(bytes_of(xlog_data.substr(0, 25))));
    EXPECT_FALSE(parse_replication_message(bytes_of(xlog_data.substr(0, 24))));
}

TEST(Replication, AKeepaliveMayAskForAReply) {
    const auto message = parse_replication_message(bytes_of(keepalive));
    ASSERT_TRUE(message);
    const Keepalive& alive = std::get<Keepalive>(*message);
    EXPECT_EQ(alive.end, Lsn(0x200));
    EXPECT_EQ(alive.time, 3);
    EXPECT_TRUE(alive.reply_requested);

    Bytes out;
    encode_replication_message(out, *message);
    EXPECT_EQ(payload_of(out), keepalive);
    expect_exact(parse_replication_message, keepalive);
}

TEST(Replication, AStatusIsExactly34Bytes) {
    EXPECT_EQ(standby_status.size(), 34U);
    const auto message = parse_standby_message(bytes_of(standby_status));
    ASSERT_TRUE(message);
    const StandbyStatus& status = std::get<StandbyStatus>(*message);
    EXPECT_EQ(status.write, Lsn(3));
    EXPECT_EQ(status.flush, Lsn(2));
    EXPECT_EQ(status.apply, Lsn(1));
    EXPECT_EQ(status.time, 4);
    EXPECT_TRUE(status.reply_requested);

    Bytes out;
    encode_standby_message(out, *message);
    EXPECT_EQ(payload_of(out), standby_status);
    expect_exact(parse_standby_message, standby_status);
}

TEST(Replication, ReplyMustBeZeroOrOne) {
    for (const std::string_view good : {standby_status, keepalive}) {
        Bytes payload = bytes_of(good);
        payload.back() = 0;
        EXPECT_TRUE(parse_standby_message(payload) || parse_replication_message(payload));
        payload.back() = 2;
        EXPECT_FALSE(parse_standby_message(payload) || parse_replication_message(payload));
    }
}

TEST(Replication, HotStandbyFeedbackIsTwoTransactionIdsWithTheirEpochs) {
    EXPECT_EQ(hot_standby_feedback.size(), 25U);
    const auto message = parse_standby_message(bytes_of(hot_standby_feedback));
    ASSERT_TRUE(message);
    const HotStandbyFeedback& feedback = std::get<HotStandbyFeedback>(*message);
    EXPECT_EQ(feedback.time, 5);
    EXPECT_EQ(feedback.xmin, 1U);
    EXPECT_EQ(feedback.xmin_epoch, 2U);
    EXPECT_EQ(feedback.catalog_xmin, 3U);
    EXPECT_EQ(feedback.catalog_xmin_epoch, 4U);

    Bytes out;
    encode_standby_message(out, *message);
    EXPECT_EQ(payload_of(out), hot_standby_feedback);
    expect_exact(parse_standby_message, hot_standby_feedback);
}

TEST(Replication, NeonFeedbackChecksItsLength) {
    const Bytes payload = bytes_of(neon_feedback);
    const auto message = parse_standby_message(payload);
    ASSERT_TRUE(message);
    EXPECT_EQ(as_text(std::get<NeonFeedback>(*message).data), "abc");

    Bytes out;
    encode_standby_message(out, *message);
    EXPECT_EQ(payload_of(out), neon_feedback);
    expect_exact(parse_standby_message, neon_feedback);
    EXPECT_FALSE(parse_standby_message(bytes_of("z\xff\xff\xff\xff\xff\xff\xff\xffxyz"sv)));
}

TEST(Replication, AnUnknownTypeIsToldApartFromAMalformedMessage) {
    // Each direction has types of its own.
    for (const std::string_view payload : {"x"sv, "r"sv, "\xff"sv}) {
        const auto refused = parse_replication_message(bytes_of(payload));
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, Errc::unexpected_message);
    }
    for (const std::string_view payload : {"x"sv, "w"sv, "k"sv}) {
        const auto refused = parse_standby_message(bytes_of(payload));
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, Errc::unexpected_message);
    }
}

TEST(Replication, TimesCountFromTheYear2000) {
    const WallTime epoch{std::chrono::seconds(946'684'800)};
    EXPECT_EQ(to_pg_time(epoch), 0);
    EXPECT_EQ(from_pg_time(0), epoch);
    EXPECT_EQ(to_pg_time(epoch + std::chrono::milliseconds(1)), 1000);
    EXPECT_EQ(from_pg_time(-1), epoch - std::chrono::microseconds(1));
    EXPECT_EQ(to_pg_time(WallTime()), -946'684'800'000'000);
}

TEST(Replication, InfiniteTimesBecomeTheNearestThatExist) {
    using std::chrono::microseconds;
    const WallTime last = from_pg_time(std::numeric_limits<std::int64_t>::max());
    EXPECT_LE(WallTime::max() - last, microseconds(1));
    const WallTime first = from_pg_time(std::numeric_limits<std::int64_t>::min());
    EXPECT_LE(first - WallTime::min(), microseconds(1));
    EXPECT_EQ(from_pg_time(to_pg_time(last)), last);
    EXPECT_EQ(from_pg_time(to_pg_time(first)), first);
}

}  // namespace
}  // namespace sluice::pg
