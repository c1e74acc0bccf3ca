#include "common/pgwal/timestamp.hpp"

#include "common/pgwal/errc.hpp"

#include <gtest/gtest.h>

namespace sluice::pgwal {
namespace {

constexpr std::int64_t first = -211'813'488'000'000'000;
constexpr std::int64_t last = 9'223'371'331'199'999'999;

Errc code_of(const Result<Timestamp>& result) {
    EXPECT_FALSE(result);
    return result ? Errc{} : static_cast<Errc>(result.error().code.value());
}

TEST(Timestamp, CountsFromTheYear2000) {
    EXPECT_EQ(Timestamp().to_string(), "2000-01-01 00:00:00+00");
    EXPECT_EQ(Timestamp().unix_seconds(), 946684800);
    EXPECT_EQ(Timestamp().unix_microseconds(), 946684800'000000);
    EXPECT_EQ(Timestamp::from_unix_seconds(0)->to_string(), "1970-01-01 00:00:00+00");
    EXPECT_EQ(Timestamp::from_unix_seconds(0)->microseconds(), -946684800'000000);
    EXPECT_EQ(Timestamp::from_unix_microseconds(1)->unix_microseconds(), 1);
}

struct TextCase {
    std::int64_t microseconds;
    const char* text;
};

// As servers of 14 to 18 print these numbers.
constexpr TextCase texts[] = {
    {849156488'250000, "2026-11-28 04:48:08.25+00"},
    {-1, "1999-12-31 23:59:59.999999+00"},
    {1, "2000-01-01 00:00:00.000001+00"},
    {100'000, "2000-01-01 00:00:00.1+00"},
    {5097600'000000, "2000-02-29 00:00:00+00"},
    {-63082368000'000000, "0001-12-31 00:00:00+00 BC"},
    {-63082281600'000000, "0001-01-01 00:00:00+00"},
    {first, "4714-11-24 00:00:00+00 BC"},
    {last, "294276-12-31 23:59:59.999999+00"},
    {INT64_MAX, "infinity"},
    {INT64_MIN, "-infinity"},
};

TEST(Timestamp, HasTheTextOfAServer) {
    for (const TextCase& each : texts) {
        SCOPED_TRACE(each.text);
        const auto timestamp = Timestamp::load(each.microseconds);
        ASSERT_TRUE(timestamp);
        EXPECT_EQ(timestamp->to_string(), each.text);
        const auto parsed = Timestamp::parse(each.text);
        ASSERT_TRUE(parsed) << parsed.error().message();
        EXPECT_EQ(*parsed, *timestamp);
    }
}

TEST(Timestamp, EveryDayOfACycleHasItsText) {
    // 400 years from 4714 BC on, and 400 years around 1 BC; a month at most between texts.
    constexpr std::int64_t day = 86'400'000'000;
    for (const std::int64_t start : {first, -64'000'000'000'000'000}) {
        std::string before;
        for (std::int64_t i = 0; i < 146'097; ++i) {
            const auto timestamp = Timestamp::load(start + i * day);
            ASSERT_TRUE(timestamp);
            const auto again = Timestamp::parse(timestamp->to_string());
            ASSERT_TRUE(again) << timestamp->to_string();
            ASSERT_EQ(*again, *timestamp);
            ASSERT_NE(timestamp->to_string(), before);
            before = timestamp->to_string();
        }
    }
}

TEST(Timestamp, ReadsOtherFormsOfAText) {
    const Timestamp noon = *Timestamp::parse("2026-11-28 12:00:00+00");
    for (const char* text : {"2026-11-28T12:00:00Z",
                             "2026-11-28 12:00+00",
                             "2026-11-28 12:00Z",
                             "2026-11-28 12:00:00.000000+00:00",
                             "2026-11-28 17:30:00+05:30",
                             "2026-11-28 04:00:00-08",
                             "2026-11-29 01:45:00.0+13:45",
                             "2026-11-28 12:19:32+00:19:32"}) {
        SCOPED_TRACE(text);
        const auto timestamp = Timestamp::parse(text);
        ASSERT_TRUE(timestamp) << timestamp.error().message();
        EXPECT_EQ(*timestamp, noon);
    }
}

TEST(Timestamp, RefusesWhatIsNoTime) {
    for (const char* text : {"",
                             "now",
                             "Infinity",
                             "infinity ",
                             "2026-11-28",
                             "2026-11-28 12:00:00",
                             "2026-11-28 12:00:00+00 ",
                             "2026-11-28 12:00:00+00 AD",
                             "2026-11-28 12:00:00+00BC",
                             "26-11-28 12:00:00+00",
                             "0000-01-01 00:00:00+00",
                             "2026-00-28 12:00:00+00",
                             "2026-13-28 12:00:00+00",
                             "2026-11-00 12:00:00+00",
                             "2026-11-31 12:00:00+00",
                             "2026-02-29 12:00:00+00",
                             "1900-02-29 12:00:00+00",
                             "2026-11-28 24:00:00+00",
                             "2026-11-28 12:60:00+00",
                             "2026-11-28 12:00:60+00",
                             "2026-11-28 12:00.5+00",
                             "2026-11-28 12:00:00.+00",
                             "2026-11-28 12:00:00.1234567+00",
                             "2026-11-28 12:00:00+16",
                             "2026-11-28 12:00:00+00:60",
                             "2026-11-28 12:00:00 +00",
                             "-2026-11-28 12:00:00+00",
                             "2026-11-28 1:00:00+00"}) {
        SCOPED_TRACE(text);
        EXPECT_EQ(code_of(Timestamp::parse(text)), Errc::invalid_timestamp);
    }
    EXPECT_EQ(Timestamp::parse("now").error().detail,
              "\"now\" is not a time like 2026-11-28 04:48:08.25+00 or infinity");
}

TEST(Timestamp, EndsWherePostgresqlsRangeEnds) {
    EXPECT_TRUE(Timestamp::load(first));
    EXPECT_TRUE(Timestamp::load(last));
    for (const std::int64_t outside : {first - 1, last + 1, INT64_MIN + 1, INT64_MAX - 1})
        EXPECT_EQ(code_of(Timestamp::load(outside)), Errc::timestamp_out_of_range);
    for (const char* text : {"4714-11-23 23:59:59.999999+00 BC",
                             "4714-11-24 00:00:00+00:01 BC",
                             "294277-01-01 00:00:00+00",
                             "294276-12-31 23:59:59-00:01",
                             "294276-12-31 10:00:00-15:59:59",
                             "999999-12-31 23:59:59+00",
                             "999999-12-31 23:59:59+00 BC"}) {
        SCOPED_TRACE(text);
        EXPECT_EQ(code_of(Timestamp::parse(text)), Errc::timestamp_out_of_range);
    }
    EXPECT_TRUE(Timestamp::parse("4714-11-23 23:59:00-00:01 BC"));
    EXPECT_TRUE(Timestamp::parse("294277-01-01 00:00:59.999999+00:01"));
    EXPECT_EQ(Timestamp::load(last + 1).error().detail,
              "the time 9223371331200000000 microseconds from 2000-01-01 is not from 4714-11-24 BC "
              "to the year 294276");
}

TEST(Timestamp, UnixTimeIsCheckedToo) {
    EXPECT_EQ(*Timestamp::from_unix_seconds(first / 1'000'000 + 946684800),
              *Timestamp::load(first));
    EXPECT_EQ(Timestamp::load(last)->unix_seconds(), 9224318015999);
    EXPECT_EQ(Timestamp::from_unix_seconds(9224318015999 / 2)->unix_seconds(), 9224318015999 / 2);
    for (const std::int64_t outside :
         {INT64_MIN, first / 1'000'000 + 946684799, std::int64_t{9224318016000}, INT64_MAX})
        EXPECT_EQ(code_of(Timestamp::from_unix_seconds(outside)), Errc::timestamp_out_of_range);
    EXPECT_EQ(code_of(Timestamp::from_unix_microseconds(INT64_MIN)), Errc::timestamp_out_of_range);
    EXPECT_EQ(code_of(Timestamp::from_unix_microseconds(first + 946684800'000000 - 1)),
              Errc::timestamp_out_of_range);
    EXPECT_EQ(Timestamp::from_unix_microseconds(INT64_MAX)->unix_microseconds(), INT64_MAX);
    EXPECT_EQ(Timestamp::load(last)->unix_microseconds(), std::nullopt);
    EXPECT_EQ(Timestamp::infinity().unix_microseconds(), std::nullopt);
    EXPECT_EQ(Timestamp::minus_infinity().unix_seconds(), std::nullopt);
    EXPECT_EQ(Timestamp::load(-1)->unix_seconds(), 946684799);
}

TEST(Timestamp, MeetsTheClockOfTheLibrary) {
    const WallTime time = WallTime(std::chrono::nanoseconds(1'795'841'970'123'456'789));
    const Timestamp timestamp = Timestamp::from(time);
    EXPECT_EQ(timestamp.to_string(), "2026-11-28 04:59:30.123456+00");
    EXPECT_EQ(timestamp.wall_time(), WallTime(std::chrono::nanoseconds(1'795'841'970'123'456'000)));
    EXPECT_EQ(Timestamp::from(WallTime(std::chrono::nanoseconds(-1))).unix_microseconds(), -1);
    EXPECT_TRUE(Timestamp::from(WallTime::min()).is_finite());
    EXPECT_TRUE(Timestamp::from(WallTime::max()).wall_time());
    EXPECT_EQ(Timestamp::parse("1677-01-01 00:00Z")->wall_time(), std::nullopt);
    EXPECT_EQ(Timestamp::parse("2263-01-01 00:00Z")->wall_time(), std::nullopt);
    EXPECT_EQ(Timestamp::infinity().wall_time(), std::nullopt);
}

}  // namespace
}  // namespace sluice::pgwal
