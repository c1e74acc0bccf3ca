#include "common/pgwal/end_of_wal.hpp"
#include "tests/unit/pgwal/decoding.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <sstream>

// Pieces of the WAL of real servers, written by tests/data/wal/make.py, and what PostgreSQL itself
// says is in them.
namespace sluice::pgwal {
namespace {

struct Expected {
    Lsn start;
    Lsn next;
    std::string resource_manager;
    std::uint32_t bytes = 0;
    std::uint32_t xid = 0;
    Lsn previous;
};

struct Piece {
    PgMajor major{};
    std::uint64_t system_id = 0;
    Lsn start;  // of the first page
    Lsn end;    // where the server would have gone on
    Bytes bytes;
    std::vector<Expected> records;

    ByteView from(Lsn lsn) const { return ByteView(bytes).subspan(*lsn.bytes_since(start)); }
};

Lsn read_lsn(std::istream& in) {
    std::string text;
    in >> text;
    return *Lsn::parse(text);
}

Piece load(PgMajor major) {
    const std::string name = SLUICE_TEST_DATA "/wal/" + std::to_string(number_of(major));
    std::ifstream wal(name + ".wal", std::ios::binary);
    Piece piece;
    piece.bytes.assign(std::istreambuf_iterator<char>(wal), {});
    std::ifstream list(name + ".records");
    unsigned number = 0;
    list >> number >> piece.system_id;
    piece.major = *load_major(number);
    piece.start = read_lsn(list);
    piece.end = read_lsn(list);
    for (std::string word; list >> word;) {
        Expected record;
        record.start = *Lsn::parse(word);
        record.next = read_lsn(list);
        list >> record.resource_manager >> record.bytes >> record.xid;
        record.previous = read_lsn(list);
        piece.records.push_back(record);
    }
    return piece;
}

WalDecoderOptions options_for(const Piece& piece, Lsn start) {
    WalDecoderOptions options{piece.major, *SegmentSize::load(1U << 20U), start};
    options.system_id = piece.system_id;
    options.body = RecordBody::keep;
    return options;
}

void expect_same(const Piece& piece, const WalBuilder::Record& record, const Expected& expected) {
    const RecordHeader header = decode_record_header(record.bytes);
    EXPECT_EQ(record.start, expected.start) << expected.start.to_string();
    EXPECT_EQ(record.next, expected.next) << expected.next.to_string();
    EXPECT_EQ(resource_manager_name(piece.major, header.resource_manager),
              expected.resource_manager);
    EXPECT_EQ(record.bytes.size(), expected.bytes);
    EXPECT_EQ(header.total_bytes, expected.bytes);
    EXPECT_EQ(header.xid, expected.xid);
    EXPECT_EQ(header.previous, expected.previous);
    EXPECT_EQ(record_crc(record.bytes, ByteView(record.bytes).subspan(24)), header.crc);
}

class RealWal : public testing::TestWithParam<PgMajor> {};

TEST_P(RealWal, HasTheRecordsThatPostgreSQLFinds) {
    const Piece piece = load(GetParam());
    ASSERT_GT(piece.records.size(), 90U);
    const Lsn start = piece.records.front().start;
    for (const std::size_t piece_bytes : {1UL, 24UL, 1000UL, 8192UL, 1'000'000UL}) {
        SCOPED_TRACE(piece_bytes);
        const Decoded decoded = decode(options_for(piece, start), piece.from(start), piece_bytes);
        ASSERT_EQ(decoded.records.size(), piece.records.size());
        for (std::size_t i = 0; i < decoded.records.size(); ++i)
            expect_same(piece, decoded.records[i], piece.records[i]);
        EXPECT_EQ(decoded.last, WalStep::end_of_wal);
        EXPECT_EQ(decoded.records_end, piece.end);
    }
}

TEST_P(RealWal, IsTheSameFromEveryRecordAndEveryCut) {
    const Piece piece = load(GetParam());
    for (std::size_t i = 0; i < piece.records.size(); ++i) {
        const Lsn start = piece.records[i].start;
        const ByteView bytes = piece.from(start);
        WalDecoder decoder(options_for(piece, start));
        Decoded decoded;
        // Every record is cut once, somewhere else.
        take_records(decoder, bytes.first(1 + i * 7 % piece.records[i].bytes), decoded);
        take_records(decoder, bytes.subspan(1 + i * 7 % piece.records[i].bytes), decoded);
        ASSERT_EQ(decoded.records.size(), piece.records.size() - i);
        ASSERT_EQ(decoder.records_end(), piece.end);
        ASSERT_EQ(decoded.last, WalStep::end_of_wal);
    }
}

TEST_P(RealWal, HasARecordThatACrashLeftUnfinished) {
    const Piece piece = load(GetParam());
    const Lsn start = piece.records.front().start;
    const Decoded decoded = decode(options_for(piece, start), piece.from(start), 1'000'000);
    std::size_t overwritten = 0;
    for (std::size_t i = 1; i < decoded.records.size(); ++i) {
        const auto& record = decoded.records[i];
        if (!record.overwritten.valid()) continue;
        ++overwritten;
        EXPECT_EQ(record.overwritten, decoded.records[i - 1].next);
        // The record says the same: xl_overwrite_contrecord behind a short data header.
        const RecordHeader header = decode_record_header(record.bytes);
        EXPECT_EQ(header.kind(), xlog_overwrite_contrecord);
        EXPECT_EQ(boost::endian::load_little_u64(&record.bytes[26]), record.overwritten.value());
    }
    EXPECT_EQ(overwritten, 1U);
}

TEST_P(RealWal, IsRefusedAsThatOfAnotherVersionOrCluster) {
    const Piece piece = load(GetParam());
    for (const PgMajor major : pg_majors) {
        if (major == piece.major) continue;
        WalDecoderOptions options = options_for(piece, piece.start);
        options.major = major;
        options.start_at = WalStart::first_record;
        const Decoded decoded = decode(options, piece.bytes, 8192);
        EXPECT_EQ(decoded.error.code, Errc::wrong_magic);
        EXPECT_EQ(decoded.error.lsn, piece.start);
    }
    WalDecoderOptions options = options_for(piece, piece.start);
    options.start_at = WalStart::first_record;
    EXPECT_EQ(decode(options, piece.bytes, 8192).records_end, piece.end);
    options.system_id += 1;
    EXPECT_EQ(decode(options, piece.bytes, 8192).error.code, Errc::wrong_system_id);
}

INSTANTIATE_TEST_SUITE_P(EveryVersion, RealWal, testing::ValuesIn(pg_majors), [](const auto& test) {
    return std::to_string(number_of(test.param));
});

}  // namespace
}  // namespace sluice::pgwal
