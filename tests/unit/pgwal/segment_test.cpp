#include "common/pgwal/segment.hpp"

#include "common/pgwal/errc.hpp"

#include <gtest/gtest.h>

namespace sluice::pgwal {
namespace {

constexpr std::uint64_t mib = 1U << 20U;

SegmentSize size_of(std::uint64_t bytes) { return *SegmentSize::load(bytes); }

TEST(SegmentSize, IsAPowerOfTwoFrom1MiBTo1GiB) {
    for (std::uint64_t bytes = mib; bytes <= 1024 * mib; bytes *= 2)
        EXPECT_EQ(size_of(bytes).bytes(), bytes);
    for (const std::uint64_t bytes :
         {std::uint64_t{0}, mib / 2, mib + 1, 3 * mib, 2048 * mib, std::uint64_t{1} << 40U}) {
        const auto size = SegmentSize::load(bytes);
        ASSERT_FALSE(size) << bytes;
        EXPECT_EQ(size.error().code, Errc::invalid_segment_size);
        EXPECT_NE(size.error().detail.find(std::to_string(bytes)), std::string::npos);
    }
}

TEST(SegmentSize, DividesTheWal) {
    const SegmentSize size;
    const Lsn lsn(0x1'0200'0123);
    EXPECT_EQ(size.bytes(), 16 * mib);
    EXPECT_EQ(size.segment_of(lsn), 0x102U);
    EXPECT_EQ(size.offset_of(lsn), 0x123U);
    EXPECT_EQ(size.start_of(0x102), Lsn(0x1'0200'0000));
    EXPECT_EQ(size.round_up(lsn), Lsn(0x1'0300'0000));
    EXPECT_EQ(size.round_up(Lsn(0x1'0200'0000)), Lsn(0x1'0200'0000));
    EXPECT_EQ(size.segments_per_id(), 256U);
}

// As pg_walfile_name() names them.
TEST(SegmentName, IsThatOfPostgreSQL) {
    struct Case {
        std::uint64_t segment_bytes;
        std::uint32_t timeline;
        Lsn lsn;
        const char* name;
    };
    const Case cases[] = {
        {16 * mib, 1, Lsn(0x16B9188), "000000010000000000000001"},
        {16 * mib, 10, Lsn(0xA'FE00'0000), "0000000A0000000A000000FE"},
        {1 * mib, 2, Lsn(0x1'0010'0000), "000000020000000100000001"},
        {1 * mib, 2, Lsn(0xFFF0'0000), "000000020000000000000FFF"},
        {64 * mib, 1, Lsn(0x3'FC00'0000), "00000001000000030000003F"},
        {1024 * mib, 0xFFFFFFFF, Lsn(0xFFFF'FFFF'FFFF'FFF8), "FFFFFFFFFFFFFFFF00000003"},
    };
    for (const Case& c : cases) {
        SCOPED_TRACE(c.name);
        const SegmentSize size = size_of(c.segment_bytes);
        EXPECT_EQ(segment_file_name(c.timeline, c.lsn, size), c.name);
        EXPECT_TRUE(is_segment_name(c.name));
        const auto parsed = parse_segment_name(c.name, size);
        ASSERT_TRUE(parsed);
        EXPECT_EQ(*parsed, (SegmentName{c.timeline, size.segment_of(c.lsn), false}));
    }
}

TEST(SegmentName, MayBePartial) {
    const SegmentSize size;
    const SegmentName name{3, 0x1FF, true};
    EXPECT_EQ(to_string(name, size), "0000000300000001000000FF.partial");
    EXPECT_TRUE(is_segment_name("0000000300000001000000FF.partial"));
    EXPECT_EQ(*parse_segment_name("0000000300000001000000FF.partial", size), name);
}

TEST(SegmentName, OtherNamesAreRefused) {
    for (const char* text : {"",
                             "00000001",
                             "00000001000000000000000",
                             "0000000100000000000000011",
                             "00000001000000000000000a",
                             "00000001000000000000000G",
                             "000000010000000000000001.part",
                             "000000010000000000000001.partial2",
                             "000000010000000000000001.00000028.backup",
                             "00000002.history"}) {
        SCOPED_TRACE(text);
        EXPECT_FALSE(is_segment_name(text));
        const auto parsed = parse_segment_name(text, SegmentSize{});
        ASSERT_FALSE(parsed);
        EXPECT_EQ(parsed.error().code, Errc::invalid_segment_name);
    }
}

TEST(SegmentName, MustBePossibleWithTheSegmentSize) {
    const char* const name = "0000000100000000000000FF";
    EXPECT_TRUE(parse_segment_name(name, size_of(16 * mib)));
    const auto too_large = parse_segment_name(name, size_of(64 * mib));
    ASSERT_FALSE(too_large);
    EXPECT_EQ(too_large.error().detail,
              "\"0000000100000000000000FF\" is not the name of a WAL segment of 67108864 bytes");
    EXPECT_FALSE(parse_segment_name("000000000000000000000001", SegmentSize{}));
}

}  // namespace
}  // namespace sluice::pgwal
