#include "common/pgwal/checkpoint.hpp"

#include "common/base/little_endian.hpp"
#include "common/pgwal/c_struct.hpp"
#include "common/pgwal/checkpoint_fields.hpp"

namespace sluice::pgwal {

std::string_view wal_level_name(std::int32_t wal_level) {
    switch (wal_level) {
    case 0: return "minimal";
    case 1: return "replica";
    case 2: return "logical";
    default: return "unknown";
    }
}

std::optional<CheckPoint> decode_checkpoint(PgMajor major, ByteView bytes) {
    CStructReader reader(bytes);
    CheckPoint checkpoint;
    visit_checkpoint(reader, layout_of(major), checkpoint);
    if (!reader.ok()) return std::nullopt;
    return checkpoint;
}

void encode_checkpoint(PgMajor major, const CheckPoint& checkpoint, Bytes& out) {
    Bytes fields;
    fields.reserve(checkpoint_bytes);
    CStructWriter writer(fields);
    visit_checkpoint(writer, layout_of(major), checkpoint);
    append(out, ByteView(fields));
}

RecordContent checkpoint_record(PgMajor major, CheckpointKind kind, const CheckPoint& checkpoint) {
    RecordContent content;
    content.resource_manager = rm_xlog_id;
    content.info =
        kind == CheckpointKind::shutdown ? xlog_checkpoint_shutdown : xlog_checkpoint_online;
    append_data_header(content.head, checkpoint_bytes);
    encode_checkpoint(major, checkpoint, content.head);
    return content;
}

RecordContent checkpoint_redo_record(std::int32_t wal_level) {
    RecordContent content;
    content.resource_manager = rm_xlog_id;
    content.info = xlog_checkpoint_redo;
    append_data_header(content.head, sizeof wal_level);
    LittleEndianWriter(content.head).u32(static_cast<std::uint32_t>(wal_level));
    return content;
}

}  // namespace sluice::pgwal
