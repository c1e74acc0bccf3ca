#include "common/base/byte_writer.hpp"

#include "common/base/byte_reader.hpp"
#include "common/base/hex.hpp"

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(ByteWriter, WritesBigEndianNumbers) {
    Bytes out;
    ByteWriter writer(out);
    writer.u8(0x01);
    writer.u16(0x0203);
    writer.u32(0x04050607);
    writer.u64(0x08090A0B0C0D0E0F);
    EXPECT_EQ(to_hex(out), "0102030405060708090a0b0c0d0e0f");
}

TEST(ByteWriter, WritesNegativeNumbers) {
    Bytes out;
    ByteWriter writer(out);
    writer.i16(-2);
    writer.i32(-1);
    writer.i64(-1);
    EXPECT_EQ(to_hex(out), "fffeffffffffffffffffffffffff");
}

TEST(ByteWriter, AppendsBehindWhatIsThere) {
    Bytes out = {0xAA};
    ByteWriter writer(out);
    writer.text("bc");
    EXPECT_EQ(to_hex(out), "aa6263");
    EXPECT_EQ(writer.size(), 3U);
}

TEST(ByteWriter, TerminatesTexts) {
    Bytes out;
    EXPECT_TRUE(ByteWriter(out).c_string("ab"));
    EXPECT_EQ(to_hex(out), "616200");
}

TEST(ByteWriter, RefusesTextsThatHoldANul) {
    Bytes out = {0xAA};
    EXPECT_FALSE(ByteWriter(out).c_string(std::string_view("ab\0cd", 5)));
    EXPECT_FALSE(ByteWriter(out).c_string(std::string_view("\0", 1)));
    EXPECT_EQ(to_hex(out), "aa");
}

TEST(ByteWriter, PatchesALengthLater) {
    Bytes out;
    ByteWriter writer(out);
    writer.u8('D');
    const std::size_t position = writer.reserve_u32();
    writer.text("row");
    writer.patch_u32(position, 7);
    EXPECT_EQ(to_hex(out), "4400000007726f77");
}

TEST(ByteWriter, ReaderReadsItBack) {
    Bytes out;
    ByteWriter writer(out);
    writer.i64(-1'234'567'890'123);
    EXPECT_TRUE(writer.c_string("application"));
    ByteReader reader(out);
    EXPECT_EQ(reader.i64(), -1'234'567'890'123);
    EXPECT_EQ(reader.c_string(), "application");
    EXPECT_TRUE(reader.finished());
}

}  // namespace
}  // namespace sluice
