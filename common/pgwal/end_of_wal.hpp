#pragma once

#include "common/pgwal/decoder.hpp"
#include "common/pgwal/segment_source.hpp"

#include <cstdint>

namespace sluice::pgwal {

// What stands behind the last good record.
enum class WalTail {
    zeros,    // nothing was written there yet
    missing,  // no segment, or a file that ends
    damage,   // something else than WAL that continues; EndOfWal::error tells what
};

struct EndOfWal {
    // WalRecord::next of the last good record: where a server that recovers from this WAL writes
    // the next one. After XLOG_SWITCH that is the start of the next segment.
    Lsn lsn;
    // Start of the last good record; 0/0 when there is none.
    Lsn last_record;
    std::uint64_t records = 0;
    // Of the last good page; WalDecoderOptions::timeline_min when there is none.
    std::uint32_t timeline = 0;
    WalTail tail = WalTail::missing;
    // Where reading stopped: for WalTail::missing the first byte that the source did not have.
    Lsn stop;
    // Start of a record that is not whole: `lsn`, or behind the page header there; else 0/0.
    Lsn open_record;
    // For WalTail::damage. Ordinary after a crash: the rest of an old segment under its new name.
    WalError error;
};

// Goes over the WAL from a known record start (or page, as the options say) to where it ends, one
// buffer at a time.
//   errors: Errc::invalid_start, and those of the source; what is wrong with the WAL is its end
Result<EndOfWal> find_end_of_wal(SegmentSource& source, WalDecoderOptions options);

}  // namespace sluice::pgwal
