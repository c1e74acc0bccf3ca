#include "common/pgwal/control_data.hpp"

#include "common/base/crc32c.hpp"
#include "common/pgwal/c_struct.hpp"
#include "common/pgwal/checkpoint_fields.hpp"
#include "common/pgwal/errc.hpp"
#include "common/pgwal/page.hpp"

#include <boost/endian/conversion.hpp>

#include <string>

namespace sluice::pgwal {

namespace {

constexpr std::uint32_t max_align = 8;            // MAXIMUM_ALIGNOF
constexpr double float_format_value = 1234567.0;  // FLOATFORMAT_VALUE

// What the file holds and ControlData does not: it is the same in every file that is accepted.
struct Fixed {
    std::uint32_t control_version = 0;
    std::uint32_t catalog_version = 0;
    std::uint32_t state = 0;
    std::uint32_t alignment = max_align;
    double float_format = float_format_value;
    std::uint32_t wal_block_bytes = page_bytes;
    std::uint32_t wal_segment_bytes = 0;
};

Fixed fixed_of(const ControlData& data) {
    const Layout& layout = layout_of(data.major);
    Fixed fixed;
    fixed.control_version = layout.control_version;
    fixed.catalog_version = layout.catalog_version;
    fixed.state = static_cast<std::uint32_t>(data.state);
    fixed.wal_segment_bytes = data.segment_size.bytes();
    return fixed;
}

// The fields of struct ControlFileData in their order up to the CRC, for reading and for writing.
template <class Visitor, class Data, class FixedData>
void visit_control_data(Visitor& visitor, const Layout& layout, Data& data, FixedData& fixed) {
    visitor.u64(data.system_id);
    visitor.u32(fixed.control_version);
    visitor.u32(fixed.catalog_version);
    visitor.u32(fixed.state);
    visitor.i64(data.time);
    visitor.lsn(data.checkpoint_lsn);
    visit_checkpoint(visitor, layout, data.checkpoint);
    visitor.lsn(data.unlogged_lsn);
    visitor.lsn(data.min_recovery_point);
    visitor.u32(data.min_recovery_point_timeline);
    visitor.lsn(data.backup_start_point);
    visitor.lsn(data.backup_end_point);
    visitor.boolean(data.backup_end_required);
    visitor.i32(data.wal_level);
    visitor.boolean(data.wal_log_hints);
    visitor.i32(data.max_connections);
    visitor.i32(data.max_worker_processes);
    visitor.i32(data.max_wal_senders);
    visitor.i32(data.max_prepared_xacts);
    visitor.i32(data.max_locks_per_xact);
    visitor.boolean(data.track_commit_timestamp);
    visitor.u32(fixed.alignment);
    visitor.f64(fixed.float_format);
    visitor.u32(data.block_bytes);
    visitor.u32(data.blocks_per_relation_segment);
    visitor.u32(fixed.wal_block_bytes);
    visitor.u32(fixed.wal_segment_bytes);
    visitor.u32(data.name_bytes);
    visitor.u32(data.index_columns_max);
    visitor.u32(data.toast_chunk_bytes_max);
    visitor.u32(data.large_object_chunk_bytes);
    visitor.boolean(data.float8_by_value);
    visitor.u32(data.data_checksum_version);
    visit_optional(
        visitor, layout.control_char_signedness, data.default_char_signedness, &Visitor::boolean);
    visitor.bytes(data.mock_authentication_nonce);
    visitor.align(4);
}

Error control_error(Errc code, std::string detail) {
    return Error(ErrorKind::storage, std::move(detail), make_error_code(code));
}

Result<PgMajor> load_major_of_control_file(ByteView file) {
    const std::uint32_t control_version = boost::endian::load_little_u32(&file[8]);
    const std::uint32_t catalog_version = boost::endian::load_little_u32(&file[12]);
    for (const PgMajor major : pg_majors) {
        const Layout& layout = layout_of(major);
        if (layout.control_version == control_version && layout.catalog_version == catalog_version)
            return major;
    }
    std::string detail = "pg_control version " + std::to_string(control_version) +
                         " with catalog version " + std::to_string(catalog_version) +
                         " is not that of a release of PostgreSQL 14 to 18";
    // 65536 times a version number is that number with the other byte order.
    if (control_version != 0 && control_version % 65536 == 0)
        detail += "; its bytes are in the order of another kind of machine";
    return control_error(Errc::unsupported_version, std::move(detail));
}

Result<void> check_crc(ByteView file, std::size_t crc_offset) {
    const std::uint32_t computed = crc32c(file.first(crc_offset));
    const std::uint32_t stored = boost::endian::load_little_u32(&file[crc_offset]);
    if (computed == stored) return {};
    return control_error(Errc::wrong_control_checksum,
                         "the checksum in pg_control is " + std::to_string(stored) +
                             ", that of its bytes " + std::to_string(computed) +
                             ": the file is damaged");
}

Result<void> check_machine(const Fixed& fixed) {
    if (fixed.alignment != max_align || fixed.float_format != float_format_value)
        return control_error(Errc::invalid_control_data,
                             "pg_control was written on a machine with another alignment (" +
                                 std::to_string(fixed.alignment) +
                                 " instead of 8) or floating point format");
    if (fixed.wal_block_bytes != page_bytes)
        return control_error(Errc::wrong_block_size,
                             "pg_control tells a WAL page size of " +
                                 std::to_string(fixed.wal_block_bytes) + " instead of " +
                                 std::to_string(page_bytes));
    if (fixed.state > static_cast<std::uint32_t>(DbState::in_production))
        return control_error(
            Errc::invalid_control_data,
            "pg_control holds the unknown cluster state " + std::to_string(fixed.state));
    return {};
}

}  // namespace

std::string_view to_string(DbState state) {
    switch (state) {
    case DbState::startup: return "starting up";
    case DbState::shut_down: return "shut down";
    case DbState::shut_down_in_recovery: return "shut down in recovery";
    case DbState::shutting_down: return "shutting down";
    case DbState::in_crash_recovery: return "in crash recovery";
    case DbState::in_archive_recovery: return "in archive recovery";
    case DbState::in_production: return "in production";
    }
    return "unknown";
}

Result<ControlData> decode_control_data(ByteView file) {
    if (file.size() != control_file_bytes)
        return control_error(
            Errc::wrong_control_size,
            "pg_control has " + std::to_string(file.size()) + " bytes instead of 8192");
    const auto major = load_major_of_control_file(file);
    if (!major) return major.error();

    CStructReader reader(file);
    ControlData data;
    data.major = *major;
    Fixed fixed;
    visit_control_data(reader, layout_of(*major), data, fixed);
    if (auto checked = check_crc(file, reader.position()); !checked) return checked.error();
    if (auto checked = check_machine(fixed); !checked) return checked.error();
    data.state = DbState{fixed.state};
    const auto segment_size = SegmentSize::load(fixed.wal_segment_bytes);
    if (!segment_size) return Error(segment_size.error()).with("pg_control");
    data.segment_size = *segment_size;
    return data;
}

Bytes encode_control_data(const ControlData& data) {
    Bytes file;
    file.reserve(control_file_bytes);
    CStructWriter writer(file);
    const Fixed fixed = fixed_of(data);
    visit_control_data(writer, layout_of(data.major), data, fixed);
    writer.u32(crc32c(file));
    file.resize(control_file_bytes);
    return file;
}

}  // namespace sluice::pgwal
