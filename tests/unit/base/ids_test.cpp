#include "common/base/ids.hpp"

#include <gtest/gtest.h>

namespace sluice {
namespace {

constexpr const char* text = "0123456789abcdef0123456789abcdef";

TEST(HexId, PrintsWhatItParsed) {
    const auto id = TenantId::parse(text);
    ASSERT_TRUE(id);
    EXPECT_EQ(id->to_string(), text);
    EXPECT_EQ(id->bytes()[1], 0x23);
}

TEST(HexId, RefusesOtherLengthsAndCharacters) {
    EXPECT_FALSE(TenantId::parse(""));
    EXPECT_FALSE(TenantId::parse("0123456789abcdef"));
    EXPECT_FALSE(TenantId::parse("0123456789abcdef0123456789abcdef00"));
    EXPECT_FALSE(TenantId::parse("0123456789abcdef0123456789abcdeg"));
}

TEST(HexId, ComparesByContent) {
    const auto id = TimelineId::parse(text);
    ASSERT_TRUE(id);
    EXPECT_EQ(*id, *TimelineId::parse("0123456789ABCDEF0123456789ABCDEF"));
    EXPECT_LT(TimelineId(), *id);
}

}  // namespace
}  // namespace sluice
