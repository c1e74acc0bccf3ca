#pragma once

#include "common/base/bytes.hpp"
#include "common/base/lsn.hpp"
#include "common/pgwal/record_content.hpp"
#include "common/pgwal/version.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::pgwal {

// PostgreSQL's struct CheckPoint: the data of a checkpoint record, and a part of pg_control. 88
// bytes in every version.
//   source: catalog/pg_control.h
struct CheckPoint {
    // Where recovery starts: where the next record was to be when the checkpoint began.
    Lsn redo;
    std::uint32_t timeline = 0;
    // Differs from `timeline` in the record that begins a timeline.
    std::uint32_t previous_timeline = 0;
    bool full_page_writes = false;
    // Since 17; writing leaves it out before, and takes 0 where it is needed and missing.
    std::optional<std::int32_t> wal_level;
    // Epoch in the upper, transaction id in the lower 32 bits.
    std::uint64_t next_xid = 0;
    std::uint32_t next_oid = 0;
    std::uint32_t next_multixact = 0;
    std::uint32_t next_multixact_offset = 0;
    std::uint32_t oldest_xid = 0;
    std::uint32_t oldest_xid_database = 0;
    std::uint32_t oldest_multixact = 0;
    std::uint32_t oldest_multixact_database = 0;
    // Unix time in seconds.
    std::int64_t time = 0;
    std::uint32_t oldest_commit_timestamp_xid = 0;
    std::uint32_t newest_commit_timestamp_xid = 0;
    // 0 in the checkpoint of a shutdown.
    std::uint32_t oldest_active_xid = 0;

    bool operator==(const CheckPoint&) const = default;
};

inline constexpr std::size_t checkpoint_bytes = 88;

// "minimal", "replica" or "logical" for 0 to 2, else "unknown".
std::string_view wal_level_name(std::int32_t wal_level);

// nullopt for fewer than 88 bytes.
std::optional<CheckPoint> decode_checkpoint(PgMajor major, ByteView bytes);

// Appends 88 bytes.
void encode_checkpoint(PgMajor major, const CheckPoint& checkpoint, Bytes& out);

// A shutdown checkpoint is the last record before a server ends, and starts at its own `redo`. An
// online checkpoint starts after it.
enum class CheckpointKind { shutdown, online };

RecordContent checkpoint_record(PgMajor major, CheckpointKind kind, const CheckPoint& checkpoint);

// XLOG_CHECKPOINT_REDO: since 17 the record at `redo` of an online checkpoint has to be this one.
RecordContent checkpoint_redo_record(std::int32_t wal_level);

}  // namespace sluice::pgwal
