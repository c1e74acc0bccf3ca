#pragma once

#include "common/base/bytes.hpp"
#include "common/base/lsn.hpp"
#include "common/base/result.hpp"
#include "common/pgwal/record.hpp"

#include <cstdint>

// What follows the header of a record without block references, which is what sluice writes:
//
//   u8 255, u8  length    or    u8 254, u32 length (for 256 bytes and more)
//   data
namespace sluice::pgwal {

// A record to be written, without what depends on its place: link and checksum.
struct RecordContent {
    std::uint32_t xid = 0;
    std::uint8_t info = 0;
    std::uint8_t resource_manager = 0;
    // What follows the header, in two parts, so that large data need not be copied. The owner of
    // `tail` keeps it until the record is written.
    Bytes head;
    ByteView tail;

    // With the header, before any check of the length.
    std::uint64_t total_bytes() const {
        return std::uint64_t{record_header_bytes} + head.size() + tail.size();
    }
};

// Appends the two or five bytes that go before `data_bytes` of data.
void append_data_header(Bytes& out, std::uint32_t data_bytes);

// The header of a record at `start` after one at `previous`, with its CRC.
//   errors: Errc::invalid_record_length: longer than the version reads
Result<RecordHeader> make_record_header(PgMajor major,
                                        Lsn start,
                                        const RecordContent& content,
                                        Lsn previous);

// The record as it lies in WAL when no page ends in it, with zeros up to a multiple of 8.
//   errors: those of make_record_header()
Result<Bytes> encode_record(PgMajor major, Lsn start, const RecordContent& content, Lsn previous);

}  // namespace sluice::pgwal
