#pragma once

#include "common/base/bytes.hpp"
#include "common/base/lsn.hpp"
#include "common/pgwal/errc.hpp"
#include "common/pgwal/segment.hpp"
#include "common/pgwal/version.hpp"

#include <cstdint>
#include <optional>

// WAL is a row of pages of 8192 bytes, each with a header; all numbers are little-endian.
//
//   short header, 24 bytes            long header, 40 bytes: the same, and
//     u16 magic                         u64 system identifier
//     u16 info (flags)                  u32 segment size
//     u32 timeline                      u32 page size
//     u64 page address
//     u32 rem_len
//     u32 zero (alignment)
//
// Every segment starts with a long header; the other pages have short ones.
namespace sluice::pgwal {

inline constexpr std::uint32_t page_bytes = 8192;  // XLOG_BLCKSZ
inline constexpr std::uint32_t short_page_header_bytes = 24;
inline constexpr std::uint32_t long_page_header_bytes = 40;

// Flags of PageHeader::info, with PostgreSQL's names.
inline constexpr std::uint16_t xlp_first_is_contrecord = 0x0001;
inline constexpr std::uint16_t xlp_long_header = 0x0002;
inline constexpr std::uint16_t xlp_bkp_removable = 0x0004;
inline constexpr std::uint16_t xlp_first_is_overwrite_contrecord = 0x0008;
inline constexpr std::uint16_t xlp_all_flags = 0x000F;

struct PageHeader {
    std::uint16_t magic = 0;
    std::uint16_t info = 0;
    std::uint32_t timeline = 0;
    Lsn address;
    // Bytes of a record of the pages before that are still to come, this page's among them.
    std::uint32_t rem_len = 0;
    // Only in a long header.
    std::uint64_t system_id = 0;
    std::uint32_t segment_bytes = 0;
    std::uint32_t block_bytes = 0;

    bool is_long() const { return (info & xlp_long_header) != 0; }
    bool continues_record() const { return (info & xlp_first_is_contrecord) != 0; }
    // The record that the pages before leave open was never finished: a crash took its end, and
    // another record stands in its place.
    bool overwrites_record() const { return (info & xlp_first_is_overwrite_contrecord) != 0; }
    std::uint32_t bytes() const {
        return is_long() ? long_page_header_bytes : short_page_header_bytes;
    }

    bool operator==(const PageHeader&) const = default;
};

// Offset in its page.
constexpr std::uint32_t page_offset(Lsn lsn) {
    return static_cast<std::uint32_t>(lsn.value() % page_bytes);
}

// Bytes of the header of the page that starts at `page`, as PostgreSQL writes it.
constexpr std::uint32_t page_header_bytes_at(Lsn page, SegmentSize size) {
    return size.offset_of(page) == 0 ? long_page_header_bytes : short_page_header_bytes;
}

// Bytes that decode_page_header() needs, by the first four of them; 24 for fewer than four.
std::size_t page_header_bytes_wanted(ByteView start);

// nullopt when `bytes` ends within the header. Checks nothing else.
std::optional<PageHeader> decode_page_header(ByteView bytes);

// Appends 24 or 40 bytes, as `header.info` tells.
void encode_page_header(const PageHeader& header, Bytes& out);

// What a page header is checked against.
struct PageExpectation {
    PgMajor major;
    SegmentSize segment_size;
    Lsn address;
    // 0: any cluster.
    std::uint64_t system_id = 0;
    // The timeline of the page before; this one may not have a lower one.
    std::uint32_t timeline_min = 0;
};

// The checks of PostgreSQL's reader, in its order: magic, flags, what a long header tells, address,
// timeline. Whether a record has to continue on the page is the decoder's to know.
std::optional<WalError> check_page_header(const PageHeader& header, const PageExpectation& want);

}  // namespace sluice::pgwal
