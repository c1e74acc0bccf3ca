#include "common/pgwal/end_of_wal.hpp"

#include "tests/unit/pgwal/decoding.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace sluice::pgwal {
namespace {

constexpr Lsn near_segment_end(0x3FC000);

// The WAL of a builder as segments; what follows it is zeros up to the end of `segments` more.
class MemorySource final : public SegmentSource {
public:
    explicit MemorySource(const WalBuilder& wal, std::uint64_t segments = 1)
        : start_(wal.start()), size_(wal.segment_size()), bytes_(wal.bytes()) {
        const Lsn end = size_.round_up(wal.position()) + (segments - 1) * size_.bytes();
        if (segments > 0) bytes_.resize(*end.bytes_since(start_));
    }

    Result<std::size_t> read(Lsn from, ByteSpan to) override {
        ++reads;
        if (from >= broken_from) return Error(ErrorKind::storage, "the disk is broken");
        const auto offset = from.bytes_since(start_);
        EXPECT_TRUE(offset) << from.to_string();
        if (!offset || *offset >= bytes_.size()) return std::size_t{0};
        const std::size_t count = std::min({to.size(),
                                            bytes_.size() - *offset,
                                            std::size_t{size_.bytes() - size_.offset_of(from)},
                                            read_bytes_max});
        std::copy_n(bytes_.begin() + static_cast<long>(*offset), count, to.begin());
        return count;
    }

    std::size_t read_bytes_max = std::size_t{1} << 40U;
    Lsn broken_from{~std::uint64_t{0}};
    std::size_t reads = 0;
    Bytes& bytes() { return bytes_; }

private:
    Lsn start_;
    SegmentSize size_;
    Bytes bytes_;
};

WalDecoderOptions options_from(const WalBuilder& wal, Lsn start) {
    WalDecoderOptions options = options_for(wal);
    options.start = start;
    return options;
}

struct Shape {
    const char* name;
    void (*write)(WalBuilder&);
};

const Shape shapes[] = {
    {"small records", [](WalBuilder& wal) { wal.add(10).add(300).add(2); }},
    {"the last record fills its page", [](WalBuilder& wal) { wal.fill_page(0); }},
    {"the last record is XLOG_SWITCH",
     [](WalBuilder& wal) { wal.add(10).add_switch(WalBuilder::Rest::zeros); }},
    {"XLOG_SWITCH at the end of a page",
     [](WalBuilder& wal) { wal.fill_page(24).add_switch(WalBuilder::Rest::zeros); }},
    {"XLOG_SWITCH with page headers behind it",
     [](WalBuilder& wal) { wal.add(10).add_switch(WalBuilder::Rest::pages); }},
    {"a record over the segment's end and a small one",
     [](WalBuilder& wal) { wal.add(10).add(30'000).add(5); }},
    {"the last record goes over the segment's end",
     [](WalBuilder& wal) { wal.add(10).add(30'000); }},
    {"a record that was left unfinished, and its replacement",
     [](WalBuilder& wal) { wal.add(10).abandon(60'000, 2).add(18, rm_xlog_id, 0xD0).add(30); }},
};

TEST(EndOfWal, IsTheSameFromEveryRecord) {
    for (const Shape& shape : shapes) {
        SCOPED_TRACE(shape.name);
        WalBuilder wal(near_segment_end);
        shape.write(wal);
        for (const std::size_t read_bytes_max : {std::size_t{77}, std::size_t{1} << 20U}) {
            for (const auto& record : wal.records()) {
                MemorySource source(wal, 2);
                source.read_bytes_max = read_bytes_max;
                const auto end = find_end_of_wal(source, options_from(wal, record.start));
                ASSERT_TRUE(end);
                EXPECT_EQ(end->lsn, wal.records().back().next);
                EXPECT_EQ(end->last_record, wal.records().back().start);
                EXPECT_EQ(end->tail, WalTail::zeros);
                EXPECT_FALSE(end->open_record.valid());
            }
        }
    }
}

TEST(EndOfWal, CountsTheRecords) {
    WalBuilder wal(near_segment_end);
    wal.add(10).add(30'000).add(5);
    MemorySource source(wal);
    const auto end = find_end_of_wal(source, options_for(wal));
    EXPECT_EQ(end->records, 3U);
    EXPECT_EQ(end->timeline, 1U);
}

TEST(EndOfWal, IsWhereTheFilesEnd) {
    for (const Shape& shape : shapes) {
        SCOPED_TRACE(shape.name);
        WalBuilder wal(near_segment_end);
        shape.write(wal);
        MemorySource source(wal, 0);
        const auto end = find_end_of_wal(source, options_for(wal));
        ASSERT_TRUE(end);
        EXPECT_EQ(end->lsn, wal.records().back().next);
        EXPECT_EQ(end->tail, WalTail::missing);
    }
}

TEST(EndOfWal, IsTheStartWhenNothingIsThere) {
    WalBuilder wal(near_segment_end);
    MemorySource source(wal, 0);
    const auto end = find_end_of_wal(source, options_for(wal));
    ASSERT_TRUE(end);
    EXPECT_EQ(end->lsn, near_segment_end);
    EXPECT_EQ(end->records, 0U);
    EXPECT_FALSE(end->last_record.valid());
}

// Wherever a file was cut, the end is that of the last record that is whole.
TEST(EndOfWal, IsThatOfTheLastWholeRecord) {
    WalBuilder wal(near_segment_end);
    wal.add(10).fill_page(16).add(100).add(9000).add(5);
    for (std::size_t cut = 0; cut < wal.bytes().size(); cut += 3) {
        MemorySource source(wal, 0);
        source.bytes().resize(cut);
        const auto end = find_end_of_wal(source, options_for(wal));
        ASSERT_TRUE(end);
        Lsn expected = wal.start();
        for (const auto& record : wal.records())
            if (record.end <= wal.start() + cut) expected = record.next;
        ASSERT_EQ(end->lsn, expected) << cut;
        ASSERT_EQ(end->tail, WalTail::missing);
    }
}

TEST(EndOfWal, TellsTheRecordThatIsNotWhole) {
    WalBuilder wal(near_segment_end);
    wal.add(10).add(20'000);
    MemorySource source(wal);
    std::fill(source.bytes().begin() + 10'000, source.bytes().end(), std::uint8_t{0});
    const auto end = find_end_of_wal(source, options_for(wal));
    ASSERT_TRUE(end);
    EXPECT_EQ(end->lsn, wal.records()[0].next);
    EXPECT_EQ(end->open_record, wal.records()[1].start);
    EXPECT_EQ(end->tail, WalTail::damage);
    EXPECT_EQ(end->error.code, Errc::wrong_magic);
}

TEST(EndOfWal, IsBeforeTheRestOfAnOldSegment) {
    WalBuilder old(Lsn(0x100000));
    while (old.bytes().size() < 1U << 20U) old.add(500);
    WalBuilder wal(near_segment_end);
    wal.fill_page(0).fill_page(0);
    MemorySource source(wal, 0);
    append(source.bytes(), ByteView(old.bytes()).first(1U << 20U));
    const auto end = find_end_of_wal(source, options_for(wal));
    ASSERT_TRUE(end);
    EXPECT_EQ(end->lsn, Lsn(0x400000));
    EXPECT_EQ(end->tail, WalTail::damage);
    EXPECT_EQ(end->error.code, Errc::wrong_page_address);
}

TEST(EndOfWal, DoesNotReadWhatASwitchLeftUnused) {
    WalBuilder wal(Lsn(0x300000));
    wal.add(10).add_switch(WalBuilder::Rest::zeros).add(5);
    MemorySource source(wal, 0);
    const auto end = find_end_of_wal(source, options_for(wal));
    EXPECT_EQ(end->records, 3U);
    EXPECT_EQ(source.reads, 3U);
}

TEST(EndOfWal, AnErrorOfTheSourceIsNoEnd) {
    WalBuilder wal(near_segment_end);
    wal.add(30'000);
    MemorySource source(wal);
    source.broken_from = Lsn(0x400000);
    const auto end = find_end_of_wal(source, options_for(wal));
    ASSERT_FALSE(end);
    EXPECT_EQ(end.error().detail, "the disk is broken");
}

TEST(EndOfWal, NeedsAStartThatIsPossible) {
    WalBuilder wal(near_segment_end);
    MemorySource source(wal);
    const auto end = find_end_of_wal(source, options_from(wal, Lsn(0x3FC001)));
    ASSERT_FALSE(end);
    EXPECT_EQ(end.error().code, Errc::invalid_start);
    EXPECT_EQ(source.reads, 0U);
}

}  // namespace
}  // namespace sluice::pgwal
