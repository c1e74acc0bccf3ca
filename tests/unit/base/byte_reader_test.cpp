#include "common/base/byte_reader.hpp"

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(ByteReader, ReadsBigEndianNumbers) {
    const Bytes bytes = {
        0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x0E, 0x0F};
    ByteReader reader(bytes);
    EXPECT_EQ(reader.u8(), 0x01);
    EXPECT_EQ(reader.u16(), 0x0203);
    EXPECT_EQ(reader.u32(), 0x04050607U);
    EXPECT_EQ(reader.u64(), 0x08090A0B0C0D0E0FU);
    EXPECT_TRUE(reader.finished());
}

TEST(ByteReader, ReadsNegativeNumbers) {
    const Bytes bytes = {0xFF, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF};
    ByteReader reader(bytes);
    EXPECT_EQ(reader.i16(), -2);
    EXPECT_EQ(reader.i32(), -1);
    EXPECT_TRUE(reader.finished());
}

TEST(ByteReader, FailureSticksAndYieldsZeros) {
    const Bytes bytes = {0x01, 0x02};
    ByteReader reader(bytes);
    EXPECT_EQ(reader.u32(), 0U);
    EXPECT_FALSE(reader.ok());
    EXPECT_EQ(reader.u8(), 0);
    EXPECT_FALSE(reader.ok());
    EXPECT_FALSE(reader.finished());
}

TEST(ByteReader, ReadsTextsUpToTheirNul) {
    ByteReader reader(as_bytes(std::string_view("user\0\0app", 9)));
    EXPECT_EQ(reader.c_string(), "user");
    EXPECT_EQ(reader.c_string(), "");
    EXPECT_TRUE(reader.ok());
    EXPECT_EQ(reader.c_string(), "");
    EXPECT_FALSE(reader.ok());
}

TEST(ByteReader, HandsOutViewsOfTheRest) {
    const Bytes bytes = {1, 2, 3, 4, 5};
    ByteReader reader(bytes);
    EXPECT_EQ(reader.bytes(2).data(), bytes.data());
    EXPECT_EQ(reader.remaining(), 3U);
    EXPECT_EQ(reader.rest().size(), 3U);
    EXPECT_TRUE(reader.finished());
}

TEST(ByteReader, RefusesMoreBytesThanThereAre) {
    const Bytes bytes = {1, 2, 3};
    ByteReader reader(bytes);
    EXPECT_TRUE(reader.bytes(4).empty());
    EXPECT_FALSE(reader.ok());
}

TEST(ByteReader, EmptyInputIsFinishedAtOnce) {
    ByteReader reader(ByteView{});
    EXPECT_TRUE(reader.finished());
    EXPECT_TRUE(reader.rest().empty());
    EXPECT_TRUE(reader.ok());
}

}  // namespace
}  // namespace sluice
