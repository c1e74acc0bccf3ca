#pragma once

#include "common/base/error.hpp"
#include "common/base/lsn.hpp"

#include <boost/system/error_code.hpp>

#include <string>

namespace sluice::pgwal {

// What is wrong with WAL, or with what was asked of it. The first group means that the bytes are
// not what they are taken for: another server, version or place. Records after a damage of the two
// next groups cannot be found from the bytes before it. The rest is about the files beside WAL.
enum class Errc {
    unsupported_version = 1,  // a PostgreSQL major version or page magic that is not known
    invalid_segment_size,     // not a power of two from 1 MiB to 1 GiB
    invalid_segment_name,     // not 24 hex digits, or not possible with that segment size
    invalid_start,            // an LSN where no record can start
    wrong_system_id,          // the WAL of another cluster
    wrong_segment_size,       // the page header tells another segment size
    wrong_block_size,         // the page header tells another page size than 8192

    wrong_magic,                // a page header with another magic than that of the version
    invalid_page_flags,         // unknown flags, or a segment that starts without a long header
    wrong_page_address,         // the page of another LSN: an old segment under a new name
    timeline_out_of_sequence,   // a lower timeline than on the page before
    unexpected_continuation,    // a page that goes on with a record where none is open
    missing_continuation,       // a page that does not go on with the record that is open
    wrong_continuation_length,  // a page that has less or more of the open record to come

    invalid_record_length,     // below the header's 24 bytes, or above PostgreSQL's limit
    invalid_resource_manager,  // an id that this version does not have
    wrong_previous_record,     // the link to the record before is wrong: a stale record
    wrong_checksum,            // the record's CRC does not match its bytes

    wrong_control_size,      // a pg_control file of another length than 8192 bytes
    wrong_control_checksum,  // its CRC does not match its bytes
    invalid_control_data,    // intact, but of another kind of machine or with an unknown state

    invalid_history_line,   // not "TIMELINE X/X REASON", a comment or blank
    history_line_too_long,  // PostgreSQL would take its end for another line
    history_out_of_order,  // timelines of a history that do not increase, or positions that decrease
    invalid_history_name,    // not eight hex digits and ".history"
    invalid_timestamp,       // not a time
    timestamp_out_of_range,  // a time that PostgreSQL cannot hold
    invalid_message_prefix,  // a logical message's prefix with a NUL
};

boost::system::error_code make_error_code(Errc code);

// Damage at a place: what, where, and in words why. The text names the LSN as well.
//   lsn: the page for what page headers tell, else the start of the record
struct WalError {
    Errc code{};
    Lsn lsn;
    std::string reason;

    // As the error of a Result; its kind is ErrorKind::storage.
    Error to_error() const;
};

}  // namespace sluice::pgwal

template <>
struct boost::system::is_error_code_enum<sluice::pgwal::Errc> : std::true_type {};
