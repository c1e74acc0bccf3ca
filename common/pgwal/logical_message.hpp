#pragma once

#include "common/base/bytes.hpp"
#include "common/base/result.hpp"
#include "common/pgwal/record_content.hpp"

#include <cstdint>
#include <string_view>

namespace sluice::pgwal {

// What pg_logical_emit_message() writes. Recovery does nothing with it, so that it can be added to
// the WAL of any cluster. The same bytes in PostgreSQL 14 to 18.
//   source: replication/message.h
struct LogicalMessage {
    std::string_view prefix = {};
    ByteView message = {};
    // Delivered with its transaction when that commits, else at once.
    bool transactional = false;
    std::uint32_t xid = 0;
    // Oid of the database, 0: none.
    std::uint32_t database = 0;
};

// The record of the message. Its tail is `message.message`, not copied.
//   errors: Errc::invalid_message_prefix: a prefix with a NUL, which ends it for PostgreSQL;
//           Errc::invalid_record_length: message and prefix are beyond any record
Result<RecordContent> logical_message_record(const LogicalMessage& message);

}  // namespace sluice::pgwal
