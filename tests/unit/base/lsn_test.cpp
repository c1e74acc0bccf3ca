#include "common/base/lsn.hpp"

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(Lsn, ParsesAndPrintsTwoHexHalves) {
    const auto lsn = Lsn::parse("16/B374D848");
    ASSERT_TRUE(lsn);
    EXPECT_EQ(lsn->value(), 0x16'B374D848U);
    EXPECT_EQ(lsn->to_string(), "16/B374D848");
    EXPECT_EQ(Lsn::parse("ffffffff/ffffffff")->to_string(), "FFFFFFFF/FFFFFFFF");
}

TEST(Lsn, ZeroIsInvalid) {
    EXPECT_FALSE(Lsn().valid());
    EXPECT_EQ(Lsn().to_string(), "0/0");
    EXPECT_TRUE(Lsn(1).valid());
}

TEST(Lsn, RefusesWhatPgLsnRefuses) {
    for (const char* text :
         {"", "/", "1", "1/", "/1", "1/2/3", "-1/0", "1/ 2", "123456789/0", "g/0"}) {
        SCOPED_TRACE(text);
        EXPECT_FALSE(Lsn::parse(text));
    }
}

TEST(Lsn, MeasuresDistances) {
    const Lsn start(100);
    EXPECT_EQ((start + 28).bytes_since(start), 28U);
    EXPECT_EQ(start.bytes_since(start), 0U);
    EXPECT_FALSE(start.bytes_since(start + 1));
    EXPECT_LT(start, start + 1);
}

}  // namespace
}  // namespace sluice
