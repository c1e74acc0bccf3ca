#include "backend/protocol/replication.hpp"

#include "backend/protocol/errc.hpp"
#include "backend/protocol/message_writer.hpp"
#include "common/base/byte_reader.hpp"

#include <algorithm>
#include <chrono>
#include <string>

namespace sluice::pg {

namespace {

using std::chrono::microseconds;

// From the Unix epoch to PostgreSQL's.
constexpr microseconds pg_epoch = std::chrono::seconds(946'684'800);

// The times that WallTime can hold, in whole microseconds.
constexpr microseconds wall_time_min =
    std::chrono::ceil<microseconds>(WallTime::min().time_since_epoch());
constexpr microseconds wall_time_max =
    std::chrono::floor<microseconds>(WallTime::max().time_since_epoch());

Lsn read_lsn(ByteReader& reader) { return Lsn(reader.u64()); }

// A boolean byte: 0 or 1; anything else is a failure of the whole message.
bool read_flag(ByteReader& reader, bool& valid) {
    const std::uint8_t value = reader.u8();
    valid = value <= 1;
    return value == 1;
}

Result<ReplicationMessage> parse_xlog_data(ByteReader reader) {
    XLogData message;
    message.start = read_lsn(reader);
    message.end = read_lsn(reader);
    message.time = reader.i64();
    message.data = reader.rest();
    if (!reader.finished()) return malformed_message("XLogData");
    return ReplicationMessage(message);
}

Result<ReplicationMessage> parse_keepalive(ByteReader reader) {
    Keepalive message;
    bool valid = false;
    message.end = read_lsn(reader);
    message.time = reader.i64();
    message.reply_requested = read_flag(reader, valid);
    if (!valid || !reader.finished()) return malformed_message("primary keepalive");
    return ReplicationMessage(message);
}

Result<StandbyMessage> parse_standby_status(ByteReader reader) {
    StandbyStatus message;
    bool valid = false;
    message.write = read_lsn(reader);
    message.flush = read_lsn(reader);
    message.apply = read_lsn(reader);
    message.time = reader.i64();
    message.reply_requested = read_flag(reader, valid);
    if (!valid || !reader.finished()) return malformed_message("standby status update");
    return StandbyMessage(message);
}

Result<StandbyMessage> parse_hot_standby_feedback(ByteReader reader) {
    HotStandbyFeedback message;
    message.time = reader.i64();
    message.xmin = reader.u32();
    message.xmin_epoch = reader.u32();
    message.catalog_xmin = reader.u32();
    message.catalog_xmin_epoch = reader.u32();
    if (!reader.finished()) return malformed_message("hot standby feedback");
    return StandbyMessage(message);
}

Result<StandbyMessage> parse_neon_feedback(ByteReader reader) {
    NeonFeedback message;
    const std::uint64_t length = reader.u64();
    message.data = reader.bytes(length);
    if (!reader.finished()) return malformed_message("Neon feedback");
    return StandbyMessage(message);
}

Error unknown_type(std::uint8_t type) {
    return protocol_error(Errc::unexpected_message,
                          "replication message of type " + std::to_string(type));
}

void write_lsn(MessageWriter& writer, Lsn lsn) { writer.u64(lsn.value()); }

void write_type(MessageWriter& writer, char type) { writer.u8(static_cast<std::uint8_t>(type)); }

}  // namespace

Result<ReplicationMessage> parse_replication_message(ByteView payload) {
    ByteReader reader(payload);
    const std::uint8_t type = reader.u8();
    if (!reader.ok()) return malformed_message("replication message");
    switch (static_cast<char>(type)) {
    case 'w': return parse_xlog_data(reader);
    case 'k': return parse_keepalive(reader);
    default: return unknown_type(type);
    }
}

Result<StandbyMessage> parse_standby_message(ByteView payload) {
    ByteReader reader(payload);
    const std::uint8_t type = reader.u8();
    if (!reader.ok()) return malformed_message("standby message");
    switch (static_cast<char>(type)) {
    case 'r': return parse_standby_status(reader);
    case 'h': return parse_hot_standby_feedback(reader);
    case 'z': return parse_neon_feedback(reader);
    default: return unknown_type(type);
    }
}

void encode_xlog_data(Bytes& out, const XLogData& message) {
    MessageWriter writer(out, 'd');
    write_type(writer, 'w');
    write_lsn(writer, message.start);
    write_lsn(writer, message.end);
    writer.i64(message.time);
    writer.bytes(message.data);
}

void encode_keepalive(Bytes& out, const Keepalive& message) {
    MessageWriter writer(out, 'd');
    write_type(writer, 'k');
    write_lsn(writer, message.end);
    writer.i64(message.time);
    writer.u8(message.reply_requested ? 1 : 0);
}

void encode_standby_status(Bytes& out, const StandbyStatus& message) {
    MessageWriter writer(out, 'd');
    write_type(writer, 'r');
    write_lsn(writer, message.write);
    write_lsn(writer, message.flush);
    write_lsn(writer, message.apply);
    writer.i64(message.time);
    writer.u8(message.reply_requested ? 1 : 0);
}

void encode_hot_standby_feedback(Bytes& out, const HotStandbyFeedback& message) {
    MessageWriter writer(out, 'd');
    write_type(writer, 'h');
    writer.i64(message.time);
    writer.u32(message.xmin);
    writer.u32(message.xmin_epoch);
    writer.u32(message.catalog_xmin);
    writer.u32(message.catalog_xmin_epoch);
}

void encode_neon_feedback(Bytes& out, const NeonFeedback& message) {
    MessageWriter writer(out, 'd');
    write_type(writer, 'z');
    writer.u64(message.data.size());
    writer.bytes(message.data);
}

void encode_replication_message(Bytes& out, const ReplicationMessage& message) {
    if (const auto* data = std::get_if<XLogData>(&message)) return encode_xlog_data(out, *data);
    encode_keepalive(out, std::get<Keepalive>(message));
}

void encode_standby_message(Bytes& out, const StandbyMessage& message) {
    if (const auto* status = std::get_if<StandbyStatus>(&message)) {
        return encode_standby_status(out, *status);
    }
    if (const auto* feedback = std::get_if<HotStandbyFeedback>(&message)) {
        return encode_hot_standby_feedback(out, *feedback);
    }
    encode_neon_feedback(out, std::get<NeonFeedback>(message));
}

std::int64_t to_pg_time(WallTime time) {
    const auto since_unix = std::chrono::floor<microseconds>(time.time_since_epoch());
    return (since_unix - pg_epoch).count();
}

WallTime from_pg_time(std::int64_t microseconds_since_2000) {
    // Bounded first: the addition and the change to finer units cannot overflow.
    const microseconds bounded = std::clamp(
        microseconds(microseconds_since_2000), wall_time_min - pg_epoch, wall_time_max - pg_epoch);
    return WallTime(std::chrono::duration_cast<WallTime::duration>(bounded + pg_epoch));
}

}  // namespace sluice::pg
