#include "common/base/crc32c.hpp"
#include "common/pgwal/decoder.hpp"
#include "tests/unit/pgwal/decoding.hpp"

#include <gtest/gtest.h>
#include <malloc.h>

namespace sluice::pgwal {
namespace {

constexpr Lsn near_segment_end(0x3FC000);

// Whatever the pieces are, the decoder fails with this.
void expect_failure(const WalBuilder& wal,
                    const WalDecoderOptions& options,
                    Errc code,
                    Lsn lsn,
                    const std::string& reason) {
    for (const std::size_t piece_bytes : {1UL, 13UL, 1'000'000UL}) {
        SCOPED_TRACE(piece_bytes);
        const Decoded decoded = decode(options, wal.bytes(), piece_bytes);
        ASSERT_EQ(decoded.last, WalStep::failed);
        EXPECT_EQ(decoded.open_record, decode(options, wal.bytes(), 8192).open_record);
        EXPECT_EQ(decoded.error.code, code) << decoded.error.reason;
        EXPECT_EQ(decoded.error.lsn, lsn);
        EXPECT_EQ(decoded.error.reason, reason);
    }
}

void expect_failure(const WalBuilder& wal, Errc code, Lsn lsn, const std::string& reason) {
    expect_failure(wal, options_for(wal), code, lsn, reason);
}

TEST(WalDecoder, TellsWhatIsWrongWithAPage) {
    struct Case {
        const char* name;
        void (*damage)(PageHeader&);
        Errc code;
        const char* reason;
    };
    const Case cases[] = {
        {"magic",
         [](PageHeader& header) { header.magic = 0xD10D; },
         Errc::wrong_magic,
         "magic D10D instead of D110 of PostgreSQL 15 on the WAL page at 0/400000"},
        {"flags",
         [](PageHeader& header) { header.info |= 0x8000; },
         Errc::invalid_page_flags,
         "unknown flags in info bits 8003 on the WAL page at 0/400000"},
        {"short header",
         [](PageHeader& header) { header.info = xlp_first_is_contrecord; },
         Errc::invalid_page_flags,
         "no long header at the start of the segment, info bits 0001, on the WAL page at 0/400000"},
        {"segment size",
         [](PageHeader& header) { header.segment_bytes *= 2; },
         Errc::wrong_segment_size,
         "segment size 2097152 instead of 1048576 on the WAL page at 0/400000"},
        {"page size",
         [](PageHeader& header) { header.block_bytes = 16384; },
         Errc::wrong_block_size,
         "page size 16384 instead of 8192 on the WAL page at 0/400000"},
        {"address",
         [](PageHeader& header) { header.address = Lsn(0x100000); },
         Errc::wrong_page_address,
         "page address 0/100000 on the WAL page at 0/400000"},
        {"timeline",
         [](PageHeader& header) { header.timeline = 4; },
         Errc::timeline_out_of_sequence,
         "timeline 4 after timeline 5 on the WAL page at 0/400000"},
        {"no continuation",
         [](PageHeader& header) { header.info = xlp_long_header; },
         Errc::missing_continuation,
         "no continuation of the record at 0/3FFFC0 on the WAL page at 0/400000"},
        {"more to come",
         [](PageHeader& header) { header.rem_len += 1; },
         Errc::wrong_continuation_length,
         "a continuation of 61 instead of 60 bytes of the record at 0/3FFFC0 on the WAL page at "
         "0/400000"},
        {"nothing to come",
         [](PageHeader& header) { header.rem_len = 0; },
         Errc::wrong_continuation_length,
         "a continuation of 0 instead of 60 bytes of the record at 0/3FFFC0 on the WAL page at "
         "0/400000"},
        {"zeros in a record",
         [](PageHeader& header) { header = PageHeader{}; },
         Errc::wrong_magic,
         "magic 0000 instead of D110 of PostgreSQL 15 on the WAL page at 0/400000"},
    };
    for (const Case& c : cases) {
        SCOPED_TRACE(c.name);
        WalBuilder wal(near_segment_end);
        wal.timeline = 5;
        wal.fill_page(0).fill_page(64);
        wal.damage_page = c.damage;
        wal.add(100);
        expect_failure(wal, c.code, Lsn(0x400000), c.reason);
        EXPECT_EQ(decode(wal).open_record, Lsn(0x3FFFC0));
    }
}

TEST(WalDecoder, RefusesAContinuationOfNothing) {
    WalBuilder wal(near_segment_end);
    wal.fill_page(0);
    wal.damage_page = [](PageHeader& header) {
        header.info |= xlp_first_is_contrecord;
        header.rem_len = 77;
    };
    wal.add(100);
    expect_failure(
        wal,
        Errc::unexpected_continuation,
        Lsn(0x3FE000),
        "a continuation of 77 bytes where no record is open, on the WAL page at 0/3FE000");
}

TEST(WalDecoder, RefusesTheWalOfAnotherCluster) {
    WalBuilder wal(near_segment_end);
    wal.add(20'000);
    WalDecoderOptions options = options_for(wal);
    options.system_id = 12;
    expect_failure(
        wal,
        options,
        Errc::wrong_system_id,
        Lsn(0x400000),
        "system identifier 7000000000000000001 instead of 12 on the WAL page at 0/400000");
}

TEST(WalDecoder, RefusesAnotherClusterThanInTheFirstSegment) {
    WalBuilder wal(Lsn(0x300000));
    wal.add(1U << 20U);
    while (wal.position() < Lsn(0x4FF000)) wal.add(5000);
    wal.damage_page = [](PageHeader& header) { header.system_id = 13; };
    wal.fill_page(0).add(3);
    const Decoded decoded = decode(wal);
    EXPECT_EQ(decoded.error.code, Errc::wrong_system_id);
}

TEST(WalDecoder, RefusesALowerTimelineThanItWasTold) {
    WalBuilder wal(near_segment_end);
    wal.add(10);
    WalDecoderOptions options = options_for(wal);
    options.timeline_min = 2;
    expect_failure(wal,
                   options,
                   Errc::timeline_out_of_sequence,
                   near_segment_end,
                   "timeline 1 after timeline 2 on the WAL page at 0/3FC000");
}

TEST(WalDecoder, TellsWhatIsWrongWithARecord) {
    struct Case {
        const char* name;
        void (*damage)(RecordHeader&);
        Errc code;
        const char* reason;
    };
    const Case cases[] = {
        {"no length",
         [](RecordHeader& header) { header.total_bytes = 0; },
         Errc::invalid_record_length,
         "length 0, not from 24 to 1073741823,"},
        {"short",
         [](RecordHeader& header) { header.total_bytes = 23; },
         Errc::invalid_record_length,
         "length 23, not from 24 to 1073741823,"},
        {"long",
         [](RecordHeader& header) { header.total_bytes = 0x40000000; },
         Errc::invalid_record_length,
         "length 1073741824, not from 24 to 1073741823,"},
        {"resource manager",
         [](RecordHeader& header) { header.resource_manager = 99; },
         Errc::invalid_resource_manager,
         "resource manager 99"},
        {"link",
         [](RecordHeader& header) { header.previous = Lsn(0x100); },
         Errc::wrong_previous_record,
         "link to the previous record 0/100"},
    };
    // The header lies in one piece of a page, or is split after 8 or 16 bytes.
    for (const std::uint32_t bytes_left : {8U, 16U, 24U, 1000U}) {
        for (const Case& c : cases) {
            SCOPED_TRACE(c.name);
            WalBuilder wal(near_segment_end);
            wal.fill_page(bytes_left);
            const Lsn start = wal.position();
            wal.damage_record = c.damage;
            wal.add(100).add(100);
            expect_failure(wal,
                           c.code,
                           start,
                           c.reason + std::string(" of the WAL record at ") + start.to_string());
            EXPECT_EQ(decode(wal).records_end, start);
            EXPECT_FALSE(decode(wal).open_record.valid());
        }
    }
}

TEST(WalDecoder, ChecksTheChecksumUnlessToldOtherwise) {
    for (const std::uint32_t bytes_left : {24U, 64U, 1000U}) {
        WalBuilder wal(near_segment_end);
        wal.fill_page(bytes_left);
        const Lsn start = wal.position();
        wal.damage_crc = [](RecordHeader& header) { header.crc ^= 1U; };
        wal.add(100).add(100);
        expect_failure(wal,
                       Errc::wrong_checksum,
                       start,
                       "checksum of the WAL record at " + start.to_string() + " is wrong");
        WalDecoderOptions options = options_for(wal);
        options.checksum = RecordChecksum::ignore;
        EXPECT_TRUE(same(decode(options, wal.bytes(), 100).records, wal.records()));
    }
}

TEST(WalDecoder, StaysFailed) {
    WalBuilder wal(near_segment_end);
    wal.damage_crc = [](RecordHeader& header) { header.crc ^= 1U; };
    wal.add(100);
    WalDecoder decoder(options_for(wal));
    ByteView input(wal.bytes());
    EXPECT_EQ(decoder.next(input), WalStep::failed);
    input = wal.bytes();
    EXPECT_EQ(decoder.next(input), WalStep::failed);
    EXPECT_EQ(input.size(), wal.bytes().size());
    EXPECT_EQ(decoder.error().code, Errc::wrong_checksum);
}

WalBuilder short_wal() {
    WalBuilder wal(Lsn(0x3FE000));
    wal.add(3).fill_page(72).add(130).add(9);
    return wal;
}

// A flipped bit may go unnoticed where PostgreSQL does not look either; a record is never wrong.
TEST(WalDecoder, NeverGivesADamagedRecord) {
    const WalBuilder wal = short_wal();
    const Decoded good = decode(wal);
    ASSERT_TRUE(same(good.records, wal.records()));
    std::size_t failures = 0;
    for (std::size_t bit = 0; bit < wal.bytes().size() * 8; ++bit) {
        Bytes bytes = wal.bytes();
        bytes[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
        const Decoded decoded = decode(options_for(wal), bytes, bytes.size());
        ASSERT_LE(decoded.records.size(), good.records.size());
        for (std::size_t i = 0; i < decoded.records.size(); ++i)
            ASSERT_TRUE(same(decoded.records[i], good.records[i])) << bit;
        if (decoded.last == WalStep::failed) {
            ++failures;
            ASSERT_GE(decoded.error.lsn, wal.start());
            ASSERT_LT(decoded.error.lsn, wal.position());
        }
    }
    EXPECT_GT(failures, wal.bytes().size() * 8 * 9 / 10);
}

TEST(WalDecoder, EndsOrFailsWhereTheRestIsZeros) {
    const WalBuilder wal = short_wal();
    for (std::size_t from = 0; from < wal.bytes().size(); ++from) {
        Bytes bytes = wal.bytes();
        std::fill(bytes.begin() + static_cast<long>(from), bytes.end(), std::uint8_t{0});
        bytes.resize(bytes.size() + page_bytes);
        const Decoded decoded = decode(options_for(wal), bytes, bytes.size());
        ASSERT_NE(decoded.last, WalStep::need_more) << from;
        for (std::size_t i = 0; i < decoded.records.size(); ++i)
            ASSERT_TRUE(same(decoded.records[i], wal.records()[i])) << from;
    }
}

TEST(WalDecoder, RefusesPagesInTheWrongOrder) {
    WalBuilder wal(near_segment_end);
    while (wal.bytes().size() < 6 * page_bytes) wal.add(700);
    for (std::size_t page = 0; page + 1 < 6; ++page) {
        Bytes bytes = wal.bytes();
        const auto at = bytes.begin() + static_cast<long>(page * page_bytes);
        std::swap_ranges(at, at + page_bytes, at + page_bytes);
        const Decoded decoded = decode(options_for(wal), bytes, bytes.size());
        EXPECT_EQ(decoded.last, WalStep::failed);
        EXPECT_EQ(decoded.error.lsn, wal.start() + page * page_bytes);
    }
}

// The sanitizers' allocators do not report to mallinfo2.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

std::size_t memory_in_use() {
    const struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

TEST(WalDecoder, TakesNoMoreMemoryThanWhatArrived) {
    WalBuilder wal(near_segment_end);
    wal.major = PgMajor::v18;
    wal.damage_record = [](RecordHeader& header) { header.total_bytes = 1020U << 20U; };
    wal.add(8000);
    ByteView input(wal.bytes());
    WalDecoder decoder(options_for(wal));
    const std::size_t before = memory_in_use();
    while (decoder.next(input) == WalStep::record) {
    }
    EXPECT_TRUE(decoder.open_record().valid());
    EXPECT_LT(memory_in_use(), before + 64 * 1024);
}

#endif

}  // namespace
}  // namespace sluice::pgwal
