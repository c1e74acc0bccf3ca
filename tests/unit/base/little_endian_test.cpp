#include "common/base/little_endian.hpp"

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(LittleEndian, ReadsWhatItWrites) {
    Bytes bytes;
    LittleEndianWriter writer(bytes);
    writer.u8(0x01);
    writer.u16(0x0203);
    writer.u32(0x04050607);
    writer.u64(0x08090A0B0C0D0E0F);
    writer.zeros(2);
    writer.bytes(as_bytes("ab"));
    EXPECT_EQ(bytes, (Bytes{1, 3, 2, 7, 6, 5, 4, 15, 14, 13, 12, 11, 10, 9, 8, 0, 0, 'a', 'b'}));

    LittleEndianReader reader(bytes);
    EXPECT_EQ(reader.u8(), 0x01);
    EXPECT_EQ(reader.u16(), 0x0203);
    EXPECT_EQ(reader.u32(), 0x04050607U);
    EXPECT_EQ(reader.u64(), 0x08090A0B0C0D0E0FU);
    reader.skip(2);
    EXPECT_EQ(reader.position(), 17U);
    EXPECT_EQ(as_text(reader.bytes(2)), "ab");
    EXPECT_EQ(reader.remaining(), 0U);
    EXPECT_TRUE(reader.ok());
}

TEST(LittleEndian, AReadPastTheEndFailsForGood) {
    const Bytes bytes{1, 2, 3, 4, 5};
    LittleEndianReader reader(bytes);
    EXPECT_EQ(reader.u64(), 0U);
    EXPECT_FALSE(reader.ok());
    EXPECT_EQ(reader.u8(), 0U);
    EXPECT_TRUE(reader.bytes(1).empty());
}

}  // namespace
}  // namespace sluice
