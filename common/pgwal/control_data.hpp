#pragma once

#include "common/base/bytes.hpp"
#include "common/base/result.hpp"
#include "common/pgwal/checkpoint.hpp"
#include "common/pgwal/segment.hpp"
#include "common/pgwal/version.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::pgwal {

// DBState: what a server did when it last wrote its control file.
enum class DbState : std::uint32_t {
    startup,
    shut_down,
    shut_down_in_recovery,
    shutting_down,
    in_crash_recovery,
    in_archive_recovery,
    in_production,
};

// As pg_controldata says it: "shut down", "in production", ...
std::string_view to_string(DbState state);

// global/pg_control of a data directory, PostgreSQL's struct ControlFileData: what a server needs
// to know before it can read anything else. PostgreSQL's CRC-32C of the fields is checked when
// reading, computed when writing, and not kept here.
//   units:  times are Unix time in seconds
//   source: catalog/pg_control.h; docs/formats.md
struct ControlData {
    // Not in the file: follows from its two version numbers.
    PgMajor major = PgMajor::v18;

    std::uint64_t system_id = 0;
    DbState state = DbState::startup;
    std::int64_t time = 0;
    // Where the latest checkpoint record starts, and its data.
    Lsn checkpoint_lsn;
    CheckPoint checkpoint;
    Lsn unlogged_lsn;
    // How far WAL must be replayed before the data is consistent; 0/0 outside archive recovery.
    Lsn min_recovery_point;
    std::uint32_t min_recovery_point_timeline = 0;
    Lsn backup_start_point;
    Lsn backup_end_point;
    bool backup_end_required = false;

    std::int32_t wal_level = 0;
    bool wal_log_hints = false;
    std::int32_t max_connections = 0;
    std::int32_t max_worker_processes = 0;
    std::int32_t max_wal_senders = 0;
    std::int32_t max_prepared_xacts = 0;
    std::int32_t max_locks_per_xact = 0;
    bool track_commit_timestamp = false;

    // The page size of WAL is 8192, alignment and format of floating point numbers those of x86-64
    // and AArch64: a file with others is refused.
    std::uint32_t block_bytes = 8192;
    std::uint32_t blocks_per_relation_segment = 131072;
    SegmentSize segment_size;
    std::uint32_t name_bytes = 64;
    std::uint32_t index_columns_max = 32;
    std::uint32_t toast_chunk_bytes_max = 1996;
    std::uint32_t large_object_chunk_bytes = 2048;
    bool float8_by_value = true;
    // 0: data pages have no checksums.
    std::uint32_t data_checksum_version = 0;
    // Since 18; writing leaves it out before, and takes false where it is needed and missing.
    std::optional<bool> default_char_signedness;
    // Keeps logins of unknown roles alike over restarts; not to be shown.
    std::array<std::uint8_t, 32> mock_authentication_nonce{};

    bool operator==(const ControlData&) const = default;
};

inline constexpr std::size_t control_file_bytes = 8192;

// Reads a whole pg_control file; the version follows from the file.
//   errors: Errc::wrong_control_size; unsupported_version, with the numbers of the file;
//           wrong_control_checksum; invalid_control_data, wrong_block_size and
//           invalid_segment_size for an intact file that is not of a cluster that sluice can serve
Result<ControlData> decode_control_data(ByteView file);

// The 8192 bytes of the file, with version numbers and CRC. A server takes them for its own.
Bytes encode_control_data(const ControlData& data);

}  // namespace sluice::pgwal
