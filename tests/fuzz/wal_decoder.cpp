#include "common/base/assert.hpp"
#include "common/base/little_endian.hpp"
#include "common/pgwal/end_of_wal.hpp"
#include "tests/fuzz/target.hpp"

#include <algorithm>
#include <vector>

namespace sluice::fuzz {

namespace {

using namespace pgwal;

// The input begins with how the WAL behind it is to be read:
//   u8 version (modulo 5), and in its high bits: 0x80 from any page, 0x40 without checksums,
//      0x20 without bodies
//   u8 segment size: 1 MiB shifted by it (modulo 11)
//   u16 size of the pieces
//   u64 LSN of the first byte
struct Plan {
    WalDecoderOptions options;
    std::size_t piece_bytes = 1;
    ByteView wal;
};

Plan read_plan(ByteView input) {
    LittleEndianReader reader(input);
    const std::uint8_t flags = reader.u8();
    const std::uint8_t shift = reader.u8();
    Plan plan{{pg_majors[(flags & 0x1FU) % pg_majors.size()],
               *SegmentSize::load(std::uint64_t{1} << (20U + shift % 11U)),
               Lsn()},
              1U + reader.u16(),
              {}};
    plan.options.start = Lsn(reader.u64());
    if ((flags & 0x80U) != 0) plan.options.start_at = WalStart::first_record;
    if ((flags & 0x40U) != 0) plan.options.checksum = RecordChecksum::ignore;
    plan.options.body = (flags & 0x20U) != 0 ? RecordBody::skip : RecordBody::keep;
    plan.wal = reader.ok() ? reader.bytes(reader.remaining()) : ByteView{};
    return plan;
}

struct Found {
    std::vector<WalRecord> records;
    std::vector<Bytes> bodies;
    WalStep last = WalStep::need_more;
    Errc error{};
    Lsn records_end;
    Lsn open_record;
};

// A record lies where the one before ended or behind a page header there, links to it, and is what
// its header says.
void check_record(const WalDecoderOptions& options, const WalRecord& record, Lsn earliest) {
    SLUICE_ASSERT(record.start >= earliest && record.start.value() % record_alignment == 0);
    SLUICE_ASSERT(record.start < record.end && record.end <= record.next);
    SLUICE_ASSERT(record.header.total_bytes <= record.end.value() - record.start.value());
    if (options.body == RecordBody::skip) {
        SLUICE_ASSERT(record.bytes.empty());
        return;
    }
    SLUICE_ASSERT(record.bytes.size() == record.header.total_bytes);
    SLUICE_ASSERT(decode_record_header(record.bytes) == record.header);
    if (options.checksum == RecordChecksum::verify)
        SLUICE_ASSERT(record_crc(record.bytes, record.bytes.subspan(record_header_bytes)) ==
                      record.header.crc);
}

Found decode(const WalDecoderOptions& options, ByteView wal, std::size_t piece_bytes) {
    WalDecoder decoder(options);
    Found found;
    do {
        ByteView piece = wal.first(std::min(piece_bytes, wal.size()));
        wal = wal.subspan(piece.size());
        while ((found.last = decoder.next(piece)) == WalStep::record) {
            const Lsn earliest = found.records.empty() ? options.start : found.records.back().next;
            check_record(options, decoder.record(), earliest);
            found.records.push_back(decoder.record());
            found.bodies.emplace_back(decoder.record().bytes.begin(), decoder.record().bytes.end());
            SLUICE_ASSERT(decoder.records_end() == decoder.record().next);
        }
        SLUICE_ASSERT(found.last != WalStep::need_more || piece.empty());
    } while (found.last == WalStep::need_more && !wal.empty());
    if (found.last == WalStep::failed) {
        SLUICE_ASSERT(!decoder.error().reason.empty() && decoder.error().to_error().code);
        found.error = decoder.error().code;
    }
    found.records_end = decoder.records_end();
    found.open_record = decoder.open_record();
    return found;
}

void check_same(const Found& left, const Found& right) {
    SLUICE_ASSERT(left.records.size() == right.records.size());
    for (std::size_t i = 0; i < left.records.size(); ++i) {
        SLUICE_ASSERT(left.records[i].start == right.records[i].start);
        SLUICE_ASSERT(left.records[i].next == right.records[i].next);
        SLUICE_ASSERT(left.records[i].header == right.records[i].header);
        SLUICE_ASSERT(left.records[i].overwritten == right.records[i].overwritten);
    }
    SLUICE_ASSERT(left.bodies == right.bodies);
    SLUICE_ASSERT(left.last == right.last && left.error == right.error);
    SLUICE_ASSERT(left.records_end == right.records_end && left.open_record == right.open_record);
}

class InputSource final : public SegmentSource {
public:
    InputSource(SegmentSize size, Lsn start, ByteView wal)
        : size_(size), start_(start), wal_(wal) {}

    Result<std::size_t> read(Lsn from, ByteSpan to) override {
        const auto offset = from.bytes_since(start_);
        if (!offset || *offset >= wal_.size()) return std::size_t{0};
        const std::size_t left =
            std::min<std::size_t>(wal_.size() - *offset, size_.bytes() - size_.offset_of(from));
        const ByteView bytes = wal_.subspan(*offset, std::min(left, to.size()));
        std::copy(bytes.begin(), bytes.end(), to.begin());
        return bytes.size();
    }

private:
    SegmentSize size_;
    Lsn start_;
    ByteView wal_;
};

void find_end(const Plan& plan, const Found& found) {
    InputSource source(plan.options.segment_size, plan.options.start, plan.wal);
    const auto end = find_end_of_wal(source, plan.options);
    if (!end) {
        SLUICE_ASSERT(found.error == Errc::invalid_start);
        return;
    }
    SLUICE_ASSERT(end->records == found.records.size());
    SLUICE_ASSERT(end->lsn == found.records_end && end->open_record == found.open_record);
}

}  // namespace

void try_input(ByteView input) {
    const Plan plan = read_plan(input);
    const Found found = decode(plan.options, plan.wal, plan.wal.size() + 1);
    check_same(found, decode(plan.options, plan.wal, plan.piece_bytes));
    find_end(plan, found);
}

}  // namespace sluice::fuzz
