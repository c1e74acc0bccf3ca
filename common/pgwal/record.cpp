#include "common/pgwal/record.hpp"

#include "common/base/assert.hpp"
#include "common/base/crc32c.hpp"
#include "common/base/little_endian.hpp"
#include "common/pgwal/layouts.hpp"
#include "common/pgwal/page.hpp"

namespace sluice::pgwal {

namespace {

constexpr std::uint8_t first_custom_resource_manager = 128;  // RM_MIN_CUSTOM_ID

WalError record_error(Errc code, Lsn start, std::string what) {
    return {code, start, std::move(what) + " of the WAL record at " + start.to_string()};
}

}  // namespace

bool can_start_record(Lsn lsn) {
    const std::uint32_t offset = page_offset(lsn);
    return lsn.valid() && offset % record_alignment == 0 &&
           (offset == 0 || offset >= short_page_header_bytes);
}

RecordHeader decode_record_header(ByteView bytes) {
    SLUICE_ASSERT(bytes.size() >= record_header_bytes);
    const std::uint8_t* const raw = bytes.data();
    RecordHeader header;
    header.total_bytes = boost::endian::load_little_u32(raw);
    header.xid = boost::endian::load_little_u32(raw + 4);
    header.previous = Lsn(boost::endian::load_little_u64(raw + 8));
    header.info = raw[16];
    header.resource_manager = raw[17];
    header.crc = boost::endian::load_little_u32(raw + 20);
    return header;
}

void encode_record_header(const RecordHeader& header, Bytes& out) {
    LittleEndianWriter writer(out);
    writer.u32(header.total_bytes);
    writer.u32(header.xid);
    writer.u64(header.previous.value());
    writer.u8(header.info);
    writer.u8(header.resource_manager);
    writer.zeros(2);
    writer.u32(header.crc);
}

std::uint32_t record_crc(ByteView header, ByteView body) {
    return record_crc_after_body(header, crc32c(body));
}

std::uint32_t record_crc_after_body(ByteView header, std::uint32_t body_crc) {
    return crc32c(header.first(record_header_bytes_before_crc), body_crc);
}

bool is_resource_manager(PgMajor major, std::uint8_t id) {
    const Layout& layout = layout_of(major);
    return id < layout.resource_managers.size() ||
           (layout.custom_resource_managers && id >= first_custom_resource_manager);
}

std::string resource_manager_name(PgMajor major, std::uint8_t id) {
    const Layout& layout = layout_of(major);
    if (id < layout.resource_managers.size()) return std::string(layout.resource_managers[id]);
    return (is_resource_manager(major, id) ? "custom" : "unknown") + std::to_string(id);
}

std::optional<WalError> check_record_length(PgMajor major, Lsn start, std::uint32_t total_bytes) {
    const std::uint32_t limit = layout_of(major).record_bytes_max;
    if (total_bytes >= record_header_bytes && total_bytes <= limit) return std::nullopt;
    return record_error(Errc::invalid_record_length,
                        start,
                        "length " + std::to_string(total_bytes) + ", not from " +
                            std::to_string(record_header_bytes) + " to " + std::to_string(limit) +
                            ",");
}

std::optional<WalError> check_record_header(PgMajor major,
                                            Lsn start,
                                            const RecordHeader& header,
                                            Lsn previous) {
    if (auto error = check_record_length(major, start, header.total_bytes)) return error;
    if (!is_resource_manager(major, header.resource_manager))
        return record_error(Errc::invalid_resource_manager,
                            start,
                            "resource manager " + std::to_string(header.resource_manager));
    const bool linked = previous.valid() ? header.previous == previous : header.previous < start;
    if (!linked)
        return record_error(Errc::wrong_previous_record,
                            start,
                            "link to the previous record " + header.previous.to_string());
    return std::nullopt;
}

}  // namespace sluice::pgwal
