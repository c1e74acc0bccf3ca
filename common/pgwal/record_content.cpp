#include "common/pgwal/record_content.hpp"

#include "common/base/crc32c.hpp"
#include "common/base/little_endian.hpp"

#include <algorithm>
#include <limits>

namespace sluice::pgwal {

namespace {

// access/xlogrecord.h: XLR_BLOCK_ID_DATA_SHORT and _LONG.
constexpr std::uint8_t short_data = 255;
constexpr std::uint8_t long_data = 254;

}  // namespace

void append_data_header(Bytes& out, std::uint32_t data_bytes) {
    LittleEndianWriter writer(out);
    if (data_bytes <= 255) {
        writer.u8(short_data);
        writer.u8(static_cast<std::uint8_t>(data_bytes));
    } else {
        writer.u8(long_data);
        writer.u32(data_bytes);
    }
}

Result<RecordHeader> make_record_header(PgMajor major,
                                        Lsn start,
                                        const RecordContent& content,
                                        Lsn previous) {
    constexpr std::uint64_t most = std::numeric_limits<std::uint32_t>::max();
    RecordHeader header;
    header.total_bytes = static_cast<std::uint32_t>(std::min(content.total_bytes(), most));
    if (const auto error = check_record_length(major, start, header.total_bytes))
        return error->to_error();
    header.xid = content.xid;
    header.previous = previous;
    header.info = content.info;
    header.resource_manager = content.resource_manager;
    Bytes bytes;
    encode_record_header(header, bytes);
    header.crc = record_crc_after_body(bytes, crc32c(content.tail, crc32c(content.head)));
    return header;
}

Result<Bytes> encode_record(PgMajor major, Lsn start, const RecordContent& content, Lsn previous) {
    const auto header = make_record_header(major, start, content, previous);
    if (!header) return header.error();
    Bytes record;
    record.reserve(align_record(content.total_bytes()));
    encode_record_header(*header, record);
    append(record, ByteView(content.head));
    append(record, content.tail);
    record.resize(align_record(record.size()));
    return record;
}

}  // namespace sluice::pgwal
