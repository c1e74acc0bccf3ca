#pragma once

#include "common/base/bytes.hpp"
#include "common/base/lsn.hpp"
#include "common/pgwal/errc.hpp"
#include "common/pgwal/layouts.hpp"
#include "common/pgwal/version.hpp"

#include <boost/endian/conversion.hpp>

#include <cstdint>
#include <optional>
#include <string>

// A WAL record starts at a multiple of 8 with a header of 24 bytes, little-endian:
//
//   u32 tot_len    bytes of the record with this header, without the padding to 8 after it
//   u32 xid        transaction, 0: none
//   u64 prev       LSN of the record before
//   u8  info       high four bits: kind of record, by resource manager
//   u8  rmid       resource manager
//   u16 zero
//   u32 crc        CRC-32C of the bytes after the header, then of the header before this field
//
// The same in PostgreSQL 14 to 18. What follows the header (block references, data) is the
// business of its resource manager.
namespace sluice::pgwal {

inline constexpr std::uint32_t record_header_bytes = 24;
// Bytes of the header that are part of the checksum.
inline constexpr std::uint32_t record_header_bytes_before_crc = 20;
inline constexpr std::uint32_t record_alignment = 8;  // MAXIMUM_ALIGNOF

// Resource managers that sluice knows more of than the name.
inline constexpr std::uint8_t rm_xlog_id = 0;
inline constexpr std::uint8_t rm_logicalmsg_id = 21;
// Kinds of record of the resource manager XLOG.
inline constexpr std::uint8_t xlog_checkpoint_shutdown = 0x00;
inline constexpr std::uint8_t xlog_checkpoint_online = 0x10;
inline constexpr std::uint8_t xlog_switch = 0x40;
inline constexpr std::uint8_t xlog_overwrite_contrecord = 0xD0;
inline constexpr std::uint8_t xlog_checkpoint_redo = 0xE0;  // since 17

struct RecordHeader {
    std::uint32_t total_bytes = 0;
    std::uint32_t xid = 0;
    Lsn previous;
    std::uint8_t info = 0;
    std::uint8_t resource_manager = 0;
    std::uint32_t crc = 0;

    // The kind of record, as the resource manager numbers them.
    std::uint8_t kind() const { return info & 0xF0U; }
    // The rest of the segment is unused; the next record is in the next segment.
    bool is_switch() const { return resource_manager == rm_xlog_id && kind() == xlog_switch; }

    bool operator==(const RecordHeader&) const = default;
};

// The next multiple of 8: where the record after one that ends at `end` starts, unless a page
// starts there, whose header comes first.
constexpr std::uint64_t align_record(std::uint64_t end) {
    return (end + record_alignment - 1) & ~std::uint64_t{record_alignment - 1};
}
constexpr Lsn align_record(Lsn end) { return Lsn(align_record(end.value())); }

// Whether a record, or a page with its header, can start at `lsn`: a multiple of 8 that is not
// inside the header of a page.
bool can_start_record(Lsn lsn);

//   bytes: at least record_header_bytes of them
inline RecordHeader decode_record_header(ByteView bytes) {
    const std::uint8_t* const raw = bytes.first(record_header_bytes).data();
    RecordHeader header;
    header.total_bytes = boost::endian::load_little_u32(raw);
    header.xid = boost::endian::load_little_u32(raw + 4);
    header.previous = Lsn(boost::endian::load_little_u64(raw + 8));
    header.info = raw[16];
    header.resource_manager = raw[17];
    header.crc = boost::endian::load_little_u32(raw + 20);
    return header;
}

// Appends 24 bytes.
void encode_record_header(const RecordHeader& header, Bytes& out);

// The CRC that belongs into the header of a record.
//   header: its bytes; those from the CRC field on are not looked at
//   body:   what follows the 24 bytes
std::uint32_t record_crc(ByteView header, ByteView body);
// The same when the CRC-32C of the body is known already.
std::uint32_t record_crc_after_body(ByteView header, std::uint32_t body_crc);

// "Heap", "Btree", ...; "custom128" for the id of an extension, "unknown22" for one that the
// version does not have.
std::string resource_manager_name(PgMajor major, std::uint8_t id);
constexpr bool is_resource_manager(const Layout& layout, std::uint8_t id) {
    constexpr std::uint8_t first_custom = 128;  // RM_MIN_CUSTOM_ID
    return id < layout.resource_managers.size() ||
           (layout.custom_resource_managers && id >= first_custom);
}

constexpr bool is_record_length(const Layout& layout, std::uint32_t bytes) {
    return bytes >= record_header_bytes && bytes <= layout.record_bytes_max;
}

// Errc::invalid_record_length, for a record at `start`.
std::optional<WalError> check_record_length(PgMajor major, Lsn start, std::uint32_t total_bytes);

// The checks of PostgreSQL's reader before it believes a header: length, resource manager, link to
// the record before. The CRC is checked with the body.
//   previous: start of the record before; 0/0 when it is not known: then the link has to point
//             backwards
constexpr std::optional<Errc> find_header_fault(const Layout& layout,
                                                Lsn start,
                                                const RecordHeader& header,
                                                Lsn previous) {
    if (!is_record_length(layout, header.total_bytes)) return Errc::invalid_record_length;
    if (!is_resource_manager(layout, header.resource_manager))
        return Errc::invalid_resource_manager;
    const bool linked = previous.valid() ? header.previous == previous : header.previous < start;
    if (!linked) return Errc::wrong_previous_record;
    return std::nullopt;
}

// The same with a text for the fault.
std::optional<WalError> check_record_header(PgMajor major,
                                            Lsn start,
                                            const RecordHeader& header,
                                            Lsn previous);

}  // namespace sluice::pgwal
