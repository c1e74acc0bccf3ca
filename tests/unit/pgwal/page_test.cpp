#include "common/pgwal/page.hpp"

#include "common/base/hex.hpp"

#include <gtest/gtest.h>

namespace sluice::pgwal {
namespace {

constexpr Lsn segment_start(0x100'0000);
constexpr Lsn second_page(0x100'2000);

PageHeader long_header() {
    PageHeader header;
    header.magic = 0xD110;
    header.info = xlp_long_header;
    header.timeline = 1;
    header.address = segment_start;
    header.system_id = 0x6123456789ABCDEF;
    header.segment_bytes = SegmentSize{}.bytes();
    header.block_bytes = page_bytes;
    return header;
}

PageHeader short_header() {
    PageHeader header;
    header.magic = 0xD110;
    header.info = xlp_first_is_contrecord;
    header.timeline = 7;
    header.address = second_page;
    header.rem_len = 0x1234;
    return header;
}

PageExpectation expectation(const PageHeader& header) {
    PageExpectation want{PgMajor::v15, SegmentSize{}, header.address, header.system_id, 0};
    want.timeline_min = header.timeline;
    return want;
}

TEST(PageHeader, IsWrittenToTheByte) {
    Bytes bytes;
    encode_page_header(short_header(), bytes);
    EXPECT_EQ(to_hex(bytes), "10d101000700000000200001000000003412000000000000");
    bytes.clear();
    encode_page_header(long_header(), bytes);
    EXPECT_EQ(to_hex(bytes),
              "10d10200010000000000000100000000"
              "0000000000000000"
              "efcdab896745236100000001"
              "00200000");
}

TEST(PageHeader, ReadsWhatItWrites) {
    for (const PageHeader& header : {short_header(), long_header()}) {
        Bytes bytes;
        encode_page_header(header, bytes);
        EXPECT_EQ(bytes.size(), header.bytes());
        EXPECT_EQ(page_header_bytes_wanted(bytes), bytes.size());
        const auto decoded = decode_page_header(bytes);
        ASSERT_TRUE(decoded);
        EXPECT_EQ(*decoded, header);
        EXPECT_FALSE(check_page_header(*decoded, expectation(header)));
    }
}

TEST(PageHeader, AnIncompleteOneIsNone) {
    for (const PageHeader& header : {short_header(), long_header()}) {
        Bytes bytes;
        encode_page_header(header, bytes);
        while (!bytes.empty()) {
            bytes.pop_back();
            EXPECT_FALSE(decode_page_header(bytes));
        }
    }
    EXPECT_EQ(page_header_bytes_wanted({}), short_page_header_bytes);
}

TEST(PageHeader, TellsWhatIsWrong) {
    struct Case {
        const char* name;
        void (*damage)(PageHeader&);
        Errc code;
        const char* reason;
    };
    const Case cases[] = {
        {"magic",
         [](PageHeader& header) { header.magic = 0xD113; },
         Errc::wrong_magic,
         "magic D113 instead of D110 of PostgreSQL 15 on the WAL page at 0/1000000"},
        {"flags",
         [](PageHeader& header) { header.info |= 0x10; },
         Errc::invalid_page_flags,
         "unknown flags in info bits 0012 on the WAL page at 0/1000000"},
        {"short at the start of a segment",
         [](PageHeader& header) { header.info = 0; },
         Errc::invalid_page_flags,
         "no long header at the start of the segment, info bits 0000, on the WAL page at "
         "0/1000000"},
        {"system id",
         [](PageHeader& header) { header.system_id = 5; },
         Errc::wrong_system_id,
         "system identifier 5 instead of 7000000000000000000 on the WAL page at 0/1000000"},
        {"segment size",
         [](PageHeader& header) { header.segment_bytes = 1U << 20U; },
         Errc::wrong_segment_size,
         "segment size 1048576 instead of 16777216 on the WAL page at 0/1000000"},
        {"page size",
         [](PageHeader& header) { header.block_bytes = 4096; },
         Errc::wrong_block_size,
         "page size 4096 instead of 8192 on the WAL page at 0/1000000"},
        {"address",
         [](PageHeader& header) { header.address = Lsn(0x50'0000); },
         Errc::wrong_page_address,
         "page address 0/500000 on the WAL page at 0/1000000"},
        {"timeline",
         [](PageHeader& header) { header.timeline = 2; },
         Errc::timeline_out_of_sequence,
         "timeline 2 after timeline 3 on the WAL page at 0/1000000"},
    };
    for (const Case& c : cases) {
        SCOPED_TRACE(c.name);
        PageHeader header = long_header();
        header.timeline = 3;
        header.system_id = 7'000'000'000'000'000'000;
        const PageExpectation want = expectation(header);
        c.damage(header);
        const auto error = check_page_header(header, want);
        ASSERT_TRUE(error);
        EXPECT_EQ(error->code, c.code);
        EXPECT_EQ(error->lsn, segment_start);
        EXPECT_EQ(error->reason, c.reason);
        EXPECT_EQ(error->to_error().code, c.code);
    }
}

TEST(PageHeader, AHigherTimelineAndAnyClusterAreGoodWhenNoneIsKnown) {
    PageHeader header = long_header();
    PageExpectation want = expectation(header);
    want.system_id = 0;
    header.timeline = 9;
    header.system_id = 5;
    EXPECT_FALSE(check_page_header(header, want));
}

TEST(PageHeader, IsLongAtTheStartOfASegmentOnly) {
    const SegmentSize small = *SegmentSize::load(1U << 20U);
    EXPECT_EQ(page_header_bytes_at(Lsn(0x100000), small), long_page_header_bytes);
    EXPECT_EQ(page_header_bytes_at(Lsn(0x100000), SegmentSize{}), short_page_header_bytes);
    EXPECT_EQ(page_offset(Lsn(0x102018)), 0x18U);
}

}  // namespace
}  // namespace sluice::pgwal
