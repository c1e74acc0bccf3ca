#include "common/base/units.hpp"

#include <gtest/gtest.h>

namespace sluice {
namespace {

using std::chrono::milliseconds;

TEST(Duration, ParsesEveryUnit) {
    EXPECT_EQ(parse_duration("500ms"), milliseconds(500));
    EXPECT_EQ(parse_duration("15s"), milliseconds(15'000));
    EXPECT_EQ(parse_duration("2m"), milliseconds(120'000));
    EXPECT_EQ(parse_duration("12h"), milliseconds(43'200'000));
    EXPECT_EQ(parse_duration("7d"), milliseconds(604'800'000));
    EXPECT_EQ(parse_duration("0s"), milliseconds(0));
}

TEST(Duration, JoinsParts) {
    EXPECT_EQ(parse_duration("1m 30s"), milliseconds(90'000));
    EXPECT_EQ(parse_duration("1m30s"), milliseconds(90'000));
}

TEST(Duration, RefusesMissingUnitsAndNonsense) {
    for (const char* text : {"",
                             "10",
                             "s",
                             "-1s",
                             "1.5s",
                             "1 s",
                             "1w",
                             " 1s",
                             "99999999999999999999s",
                             "9223372036854775807d"}) {
        SCOPED_TRACE(text);
        EXPECT_FALSE(parse_duration(text));
    }
}

TEST(Duration, FormatsLargestUnitsFirst) {
    EXPECT_EQ(format_duration(milliseconds(90'000)), "1m 30s");
    EXPECT_EQ(format_duration(milliseconds(0)), "0s");
    EXPECT_EQ(format_duration(milliseconds(86'400'500)), "1d 500ms");
    EXPECT_EQ(format_duration(milliseconds(-5)), "0s");
}

TEST(ByteCount, ParsesBinaryUnits) {
    EXPECT_EQ(parse_byte_count("512"), 512U);
    EXPECT_EQ(parse_byte_count("64KiB"), 65'536U);
    EXPECT_EQ(parse_byte_count("16MiB"), 16U << 20U);
    EXPECT_EQ(parse_byte_count("2GiB"), 2ULL << 30U);
}

TEST(ByteCount, RefusesOtherUnits) {
    for (const char* text : {"", "64KB", "1k", "-1", "1 KiB", "1KiB2", "99999999999GiB"}) {
        SCOPED_TRACE(text);
        EXPECT_FALSE(parse_byte_count(text));
    }
}

}  // namespace
}  // namespace sluice
