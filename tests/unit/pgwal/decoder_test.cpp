#include "common/pgwal/decoder.hpp"

#include "tests/unit/pgwal/decoding.hpp"

#include <gtest/gtest.h>

namespace sluice::pgwal {
namespace {

// The last pages of a segment of 1 MiB; the next one starts at 0x400000.
constexpr Lsn near_segment_end(0x3FC000);

// Records of many shapes: within a page, over two and more pages, over the segment's end, with
// headers that are split, and with an end exactly at that of a page.
WalBuilder varied_wal() {
    WalBuilder wal(near_segment_end);
    wal.add(0).add(1).add(7).add(8).add(1000);
    wal.fill_page(8).add(100);
    wal.fill_page(16).add(0);
    wal.fill_page(24).add(20'000);
    wal.fill_page(0).add(40).add(3);
    return wal;
}

TEST(WalDecoder, FindsEveryRecord) {
    const WalBuilder wal = varied_wal();
    const Decoded decoded = decode(wal);
    EXPECT_TRUE(same(decoded.records, wal.records()));
    EXPECT_EQ(decoded.last, WalStep::need_more);
    EXPECT_EQ(decoded.records_end, wal.position());
    EXPECT_GT(wal.position(), Lsn(0x400000));
}

TEST(WalDecoder, TakesPiecesOfAnySize) {
    const WalBuilder wal = varied_wal();
    for (const std::size_t piece_bytes : {1UL,
                                          2UL,
                                          3UL,
                                          7UL,
                                          8UL,
                                          23UL,
                                          24UL,
                                          25UL,
                                          39UL,
                                          40UL,
                                          41UL,
                                          100UL,
                                          8191UL,
                                          8192UL,
                                          8193UL}) {
        SCOPED_TRACE(piece_bytes);
        EXPECT_TRUE(
            same(decode(options_for(wal), wal.bytes(), piece_bytes).records, wal.records()));
    }
}

TEST(WalDecoder, TakesACutAnywhere) {
    const WalBuilder wal = varied_wal();
    const ByteView bytes(wal.bytes());
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
        WalDecoder decoder(options_for(wal));
        Decoded decoded;
        const Bytes first(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(cut));
        take_records(decoder, first, decoded);
        ASSERT_EQ(decoder.position(), wal.start() + cut);
        ASSERT_LE(decoder.records_end(), align_record(decoder.position())) << cut;
        take_records(decoder, bytes.subspan(cut), decoded);
        ASSERT_TRUE(same(decoded.records, wal.records())) << cut;
    }
}

TEST(WalDecoder, StartsAtAnyRecord) {
    const WalBuilder wal = varied_wal();
    for (std::size_t i = 0; i < wal.records().size(); ++i) {
        WalDecoderOptions options = options_for(wal);
        for (const Lsn start :
             {wal.records()[i].start, i > 0 ? wal.records()[i - 1].next : wal.start()}) {
            SCOPED_TRACE(start.to_string());
            options.start = start;
            const auto left = ByteView(wal.bytes()).subspan(*start.bytes_since(wal.start()));
            const auto expected =
                std::vector(wal.records().begin() + static_cast<long>(i), wal.records().end());
            EXPECT_TRUE(same(decode(options, left, left.size()).records, expected));
        }
    }
}

TEST(WalDecoder, StartsAtAnyPageWhenItMayPassOverTheRestOfARecord) {
    const WalBuilder wal = varied_wal();
    WalDecoderOptions options = options_for(wal);
    options.start_at = WalStart::first_record;
    for (Lsn page = wal.start(); page < wal.position(); page = page + page_bytes) {
        SCOPED_TRACE(page.to_string());
        std::vector<WalBuilder::Record> expected;
        for (const auto& record : wal.records())
            if (record.start >= page) expected.push_back(record);
        options.start = page;
        const auto left = ByteView(wal.bytes()).subspan(*page.bytes_since(wal.start()));
        EXPECT_TRUE(same(decode(options, left, left.size()).records, expected));
        EXPECT_TRUE(same(decode(options, left, 5).records, expected));
    }
}

TEST(WalDecoder, PassesOverALostRecordThatWasNeverFinished) {
    WalBuilder wal(near_segment_end);
    wal.abandon(60'000, 2).add(42);
    WalDecoderOptions options = options_for(wal);
    options.start_at = WalStart::first_record;
    options.start = wal.start() + page_bytes;
    const Decoded decoded = decode(options, ByteView(wal.bytes()).subspan(page_bytes), 1000);
    ASSERT_EQ(decoded.records.size(), 1U);
    EXPECT_EQ(decoded.records[0].start, wal.records()[0].start);
    EXPECT_FALSE(decoded.records[0].overwritten.valid());
}

TEST(WalDecoder, RefusesToStartWhereNothingCan) {
    for (const WalStart start_at : {WalStart::at_record, WalStart::first_record}) {
        for (const std::uint64_t start :
             {0UL, 0x400004UL, 0x400018UL, 0x402010UL, 0x402007UL, 0xFFFFFFFFFFFFE000UL}) {
            WalDecoderOptions options{PgMajor::v15, *SegmentSize::load(1U << 20U), Lsn(start)};
            options.start_at = start_at;
            WalDecoder decoder(options);
            ByteView input;
            EXPECT_EQ(decoder.next(input), WalStep::failed) << start;
            EXPECT_EQ(decoder.error().code, Errc::invalid_start);
            EXPECT_EQ(decoder.error().lsn, Lsn(start));
        }
    }
}

TEST(WalDecoder, DoesNotCopyARecordThatTheInputHoldsWhole) {
    WalBuilder wal(near_segment_end);
    wal.add(100).add(200);
    WalDecoder decoder(options_for(wal));
    ByteView input(wal.bytes());
    for (const auto& record : wal.records()) {
        ASSERT_EQ(decoder.next(input), WalStep::record);
        EXPECT_EQ(decoder.record().bytes.data(),
                  wal.bytes().data() + *record.start.bytes_since(wal.start()));
    }
}

TEST(WalDecoder, GivesNoBytesWhenNoneAreAskedFor) {
    const WalBuilder wal = varied_wal();
    WalDecoderOptions options = options_for(wal);
    options.body = RecordBody::skip;
    for (const std::size_t piece_bytes : {1UL, 100UL, 100'000UL}) {
        const Decoded decoded = decode(options, wal.bytes(), piece_bytes);
        ASSERT_EQ(decoded.records.size(), wal.records().size());
        for (std::size_t i = 0; i < decoded.records.size(); ++i) {
            EXPECT_TRUE(decoded.records[i].bytes.empty());
            EXPECT_EQ(decoded.records[i].next, wal.records()[i].next);
        }
    }
}

TEST(WalDecoder, GoesOnInTheNextSegmentAfterASwitch) {
    for (const auto rest : {WalBuilder::Rest::zeros, WalBuilder::Rest::pages}) {
        WalBuilder wal(near_segment_end);
        wal.add(10).add_switch(rest).add(20);
        const Decoded decoded = decode(wal);
        EXPECT_TRUE(same(decoded.records, wal.records()));
        EXPECT_EQ(decoded.records[1].next, Lsn(0x400000));
        EXPECT_EQ(decoded.records[2].start, Lsn(0x400028));
        EXPECT_TRUE(same(decode(options_for(wal), wal.bytes(), 9).records, wal.records()));
    }
}

TEST(WalDecoder, EndsTheRecordsAtTheSegmentsEndOnceTheSwitchIsThere) {
    WalBuilder wal(near_segment_end);
    wal.add(10).add_switch(WalBuilder::Rest::zeros);
    WalDecoder decoder(options_for(wal));
    ByteView input = ByteView(wal.bytes()).first(300);
    ASSERT_EQ(decoder.next(input), WalStep::record);
    ASSERT_EQ(decoder.next(input), WalStep::record);
    EXPECT_EQ(decoder.records_end(), Lsn(0x400000));
    EXPECT_LT(decoder.position(), Lsn(0x400000));
    EXPECT_EQ(decoder.next(input), WalStep::need_more);
}

TEST(WalDecoder, ASwitchMayEndAPageOrItsSegment) {
    for (const bool last_page : {false, true}) {
        WalBuilder wal(near_segment_end);
        if (last_page) wal.fill_page(0);
        wal.fill_page(24).add_switch(WalBuilder::Rest::zeros).add(5);
        const Decoded decoded = decode(wal);
        EXPECT_TRUE(same(decoded.records, wal.records()));
        EXPECT_EQ(decoded.records.back().start, Lsn(0x400028));
    }
}

TEST(WalDecoder, DropsARecordThatACrashLeftUnfinished) {
    for (const std::size_t pages : {1UL, 2UL, 3UL}) {
        WalBuilder wal(near_segment_end);
        wal.add(10).fill_page(16).abandon(60'000, pages);
        wal.add(18, rm_xlog_id, xlog_overwrite_contrecord).add(30);
        for (const std::size_t piece_bytes : {1UL, 50UL, 100'000UL}) {
            const Decoded decoded = decode(options_for(wal), wal.bytes(), piece_bytes);
            EXPECT_TRUE(same(decoded.records, wal.records()));
            EXPECT_EQ(decoded.last, WalStep::need_more);
        }
        const auto& replacement = wal.records()[wal.records().size() - 2];
        EXPECT_TRUE(replacement.overwritten.valid());
    }
}

TEST(WalDecoder, FollowsARisingTimelineAndTellsIt) {
    WalBuilder wal(near_segment_end);
    wal.add(10).fill_page(0);
    wal.timeline = 3;
    wal.add(10);
    WalDecoder decoder(options_for(wal));
    ByteView input(wal.bytes());
    ASSERT_EQ(decoder.next(input), WalStep::record);
    EXPECT_EQ(decoder.timeline(), 1U);
    while (decoder.next(input) == WalStep::record) {
    }
    EXPECT_EQ(decoder.timeline(), 3U);
}

TEST(WalDecoder, LearnsTheSystemId) {
    WalBuilder wal = varied_wal();
    WalDecoder decoder(options_for(wal));
    ByteView input(wal.bytes());
    ASSERT_EQ(decoder.next(input), WalStep::record);
    EXPECT_EQ(decoder.system_id(), 0U);
    while (decoder.next(input) == WalStep::record) {
    }
    EXPECT_EQ(decoder.system_id(), WalBuilder::system_id);
}

TEST(WalDecoder, ReadsTheWalOfEveryVersionAndSegmentSize) {
    for (const PgMajor major : pg_majors) {
        for (std::uint64_t size = 1U << 20U; size <= 1U << 30U; size *= 2) {
            WalBuilder wal(Lsn(2 * size - 2 * page_bytes), size);
            wal.major = major;
            wal.add(10).add(30'000).add(10);
            EXPECT_TRUE(same(decode(wal).records, wal.records()));
        }
    }
}

TEST(WalDecoder, ZerosAreTheEndOfTheWal) {
    for (const std::uint32_t bytes_left : {0U, 8U, 16U, 24U, 32U, 4000U}) {
        SCOPED_TRACE(bytes_left);
        for (const std::size_t piece_bytes : {1UL, 10UL, 100'000UL}) {
            WalBuilder wal(near_segment_end);
            wal.fill_page(bytes_left);
            const Lsn end = wal.position();
            wal.zeros(bytes_left + page_bytes);
            const Decoded decoded = decode(options_for(wal), wal.bytes(), piece_bytes);
            EXPECT_TRUE(same(decoded.records, wal.records()));
            EXPECT_EQ(decoded.last, WalStep::end_of_wal);
            EXPECT_EQ(decoded.records_end, end);
            EXPECT_FALSE(decoded.open_record.valid());
        }
    }
}

TEST(WalDecoder, StaysAtTheEndOfTheWal) {
    WalBuilder wal(near_segment_end);
    wal.add(10).zeros(100);
    WalDecoder decoder(options_for(wal));
    ByteView input(wal.bytes());
    ASSERT_EQ(decoder.next(input), WalStep::record);
    ASSERT_EQ(decoder.next(input), WalStep::end_of_wal);
    WalBuilder more(near_segment_end);
    more.add(10);
    input = more.bytes();
    EXPECT_EQ(decoder.next(input), WalStep::end_of_wal);
}

TEST(WalDecoder, NeedsMoreUntilARecordIsWhole) {
    WalBuilder wal(near_segment_end);
    wal.add(20'001);
    const ByteView bytes(wal.bytes());
    const std::size_t whole = *wal.records()[0].end.bytes_since(wal.start());
    WalDecoder decoder(options_for(wal));
    for (std::size_t i = 0; i + 1 < whole; ++i) {
        ByteView input = bytes.subspan(i, 1);
        ASSERT_EQ(decoder.next(input), WalStep::need_more);
        ASSERT_TRUE(input.empty());
        ASSERT_EQ(decoder.records_end(), wal.start());
    }
    EXPECT_EQ(decoder.open_record(), wal.records()[0].start);
    ByteView last = bytes.subspan(whole - 1, 1);
    EXPECT_EQ(decoder.next(last), WalStep::record);
    EXPECT_FALSE(decoder.open_record().valid());
    EXPECT_EQ(decoder.records_end(), wal.records()[0].next);
}

}  // namespace
}  // namespace sluice::pgwal
