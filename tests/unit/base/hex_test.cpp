#include "common/base/hex.hpp"

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(Hex, WritesLowerCase) {
    const Bytes bytes = {0x00, 0xAB, 0xFF};
    EXPECT_EQ(to_hex(bytes), "00abff");
    EXPECT_EQ(to_hex(ByteView{}), "");
}

TEST(Hex, ReadsEitherCase) {
    const Bytes bytes = {0x00, 0xAB, 0xFF};
    EXPECT_EQ(parse_hex("00abFF"), bytes);
    EXPECT_EQ(parse_hex(""), Bytes());
}

TEST(Hex, RefusesOddLengthsAndOtherCharacters) {
    for (const char* text : {"0", "abc", "0g", " 00", "0x00", "0 "}) {
        SCOPED_TRACE(text);
        EXPECT_FALSE(parse_hex(text));
    }
}

}  // namespace
}  // namespace sluice
