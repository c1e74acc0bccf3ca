#include "common/pgwal/logical_message.hpp"

#include "common/base/little_endian.hpp"

namespace sluice::pgwal {

namespace {

constexpr std::uint8_t xlog_logical_message = 0x00;
// offsetof(xl_logical_message, message)
constexpr std::uint64_t fixed_bytes = 24;
// No version reads a record of more: XLogRecordMaxSize and MaxAllocSize are lower.
constexpr std::uint64_t data_bytes_max = 1U << 30U;

}  // namespace

Result<RecordContent> logical_message_record(const LogicalMessage& message) {
    if (message.prefix.find('\0') != std::string_view::npos)
        return Error(ErrorKind::client,
                     "the prefix of a logical message holds a NUL byte",
                     make_error_code(Errc::invalid_message_prefix));
    const std::uint64_t data_bytes =
        fixed_bytes + message.prefix.size() + 1 + message.message.size();
    if (data_bytes > data_bytes_max)
        return Error(ErrorKind::client,
                     "a logical message of " + std::to_string(message.message.size()) +
                         " bytes with a prefix of " + std::to_string(message.prefix.size()) +
                         " is longer than any WAL record",
                     make_error_code(Errc::invalid_record_length));
    RecordContent content;
    content.xid = message.xid;
    content.info = xlog_logical_message;
    content.resource_manager = rm_logicalmsg_id;
    append_data_header(content.head, static_cast<std::uint32_t>(data_bytes));
    LittleEndianWriter writer(content.head);
    writer.u32(message.database);
    writer.u8(message.transactional ? 1 : 0);
    writer.zeros(3);
    writer.u64(message.prefix.size() + 1);
    writer.u64(message.message.size());
    writer.bytes(as_bytes(message.prefix));
    writer.u8(0);
    content.tail = message.message;
    return content;
}

}  // namespace sluice::pgwal
