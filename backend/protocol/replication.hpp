#pragma once

#include "common/base/bytes.hpp"
#include "common/base/lsn.hpp"
#include "common/base/result.hpp"
#include "common/base/time.hpp"

#include <cstdint>
#include <variant>

namespace sluice::pg {

// The messages of streaming replication: payloads of CopyData in a COPY BOTH.
// Source: PostgreSQL documentation, "Streaming Replication Protocol".
//
//   'w' u64 start, u64 end of WAL, i64 time, bytes                             XLogData
//   'k' u64 end of WAL, i64 time, u8 reply requested                           Keepalive
//   'r' u64 write, u64 flush, u64 apply, i64 time, u8 reply requested          StandbyStatus
//   'h' i64 time, u32 xmin, u32 its epoch, u32 catalog xmin, u32 its epoch     HotStandbyFeedback
//   'z' u64 length, that many bytes                                            NeonFeedback
//
// Times are microseconds since 2000-01-01 00:00 UTC. Views point into the payload.

struct XLogData {
    Lsn start;  // of `data`
    Lsn end;    // of the WAL that the server has
    std::int64_t time = 0;
    ByteView data;
};

struct Keepalive {
    Lsn end;  // of the WAL that the server has
    std::int64_t time = 0;
    bool reply_requested = false;
};

// The positions behind the last byte that the standby wrote, flushed and applied.
struct StandbyStatus {
    Lsn write;
    Lsn flush;
    Lsn apply;
    std::int64_t time = 0;
    bool reply_requested = false;
};

struct HotStandbyFeedback {
    std::int64_t time = 0;
    std::uint32_t xmin = 0;
    std::uint32_t xmin_epoch = 0;
    std::uint32_t catalog_xmin = 0;
    std::uint32_t catalog_xmin_epoch = 0;
};

// What a pageserver reports; its content is not looked at here.
struct NeonFeedback {
    ByteView data;
};

using ReplicationMessage = std::variant<XLogData, Keepalive>;  // from the server
using StandbyMessage = std::variant<StandbyStatus, HotStandbyFeedback, NeonFeedback>;

//   errors: kind client; "invalid message format", or "unexpected message" for a type that is not
//           in the list above: newer peers may have more, and a caller may go on without it
Result<ReplicationMessage> parse_replication_message(ByteView payload);
Result<StandbyMessage> parse_standby_message(ByteView payload);

// Each appends a whole CopyData message to `out`.
void encode_xlog_data(Bytes& out, const XLogData& message);
void encode_keepalive(Bytes& out, const Keepalive& message);
void encode_standby_status(Bytes& out, const StandbyStatus& message);
void encode_hot_standby_feedback(Bytes& out, const HotStandbyFeedback& message);
void encode_neon_feedback(Bytes& out, const NeonFeedback& message);
// Whichever it is.
void encode_replication_message(Bytes& out, const ReplicationMessage& message);
void encode_standby_message(Bytes& out, const StandbyMessage& message);

// Between calendar time and PostgreSQL's microseconds. Times that WallTime cannot hold (PostgreSQL
// has infinities) become the nearest that it can.
std::int64_t to_pg_time(WallTime time);
WallTime from_pg_time(std::int64_t microseconds_since_2000);

}  // namespace sluice::pg
