#include "common/pgwal/record.hpp"

#include "common/base/crc32c.hpp"
#include "common/base/little_endian.hpp"
#include "common/pgwal/layouts.hpp"
#include "common/pgwal/page.hpp"

namespace sluice::pgwal {

namespace {

WalError record_error(Errc code, Lsn start, std::string what) {
    return {code, start, std::move(what) + " of the WAL record at " + start.to_string()};
}

}  // namespace

bool can_start_record(Lsn lsn) {
    const std::uint32_t offset = page_offset(lsn);
    return lsn.valid() && offset % record_alignment == 0 &&
           (offset == 0 || offset >= short_page_header_bytes);
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
    return crc32c_of_two(body, header.first(record_header_bytes_before_crc));
}

std::uint32_t record_crc_after_body(ByteView header, std::uint32_t body_crc) {
    return crc32c(header.first(record_header_bytes_before_crc), body_crc);
}

std::string resource_manager_name(PgMajor major, std::uint8_t id) {
    const Layout& layout = layout_of(major);
    if (id < layout.resource_managers.size()) return std::string(layout.resource_managers[id]);
    return (is_resource_manager(layout, id) ? "custom" : "unknown") + std::to_string(id);
}

std::optional<WalError> check_record_length(PgMajor major, Lsn start, std::uint32_t total_bytes) {
    const Layout& layout = layout_of(major);
    if (is_record_length(layout, total_bytes)) return std::nullopt;
    return record_error(Errc::invalid_record_length,
                        start,
                        "length " + std::to_string(total_bytes) + ", not from " +
                            std::to_string(record_header_bytes) + " to " +
                            std::to_string(layout.record_bytes_max) + ",");
}

std::optional<WalError> check_record_header(PgMajor major,
                                            Lsn start,
                                            const RecordHeader& header,
                                            Lsn previous) {
    const auto fault = find_header_fault(layout_of(major), start, header, previous);
    if (!fault) return std::nullopt;
    if (*fault == Errc::invalid_record_length)
        return check_record_length(major, start, header.total_bytes);
    if (*fault == Errc::invalid_resource_manager)
        return record_error(
            *fault, start, "resource manager " + std::to_string(header.resource_manager));
    return record_error(
        *fault, start, "link to the previous record " + header.previous.to_string());
}

}  // namespace sluice::pgwal
