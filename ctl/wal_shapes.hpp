#pragma once

#include "common/base/lsn.hpp"
#include "common/base/result.hpp"
#include "common/pgwal/segment.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sluice::ctl {

// Ends of WAL that a search for the end of WAL has to get right. Their names are those of Neon's
// wal_craft, so that figures can be compared.
enum class WalShape {
    simple,                       // small and larger records, the last one a COMMIT
    last_wal_record_xlog_switch,  // nothing after XLOG_SWITCH
    last_wal_record_xlog_switch_ends_on_page_boundary,
    wal_record_crossing_segment_followed_by_small_one,
    last_wal_record_crossing_segment,
};

inline constexpr std::array wal_shapes{
    WalShape::simple,
    WalShape::last_wal_record_xlog_switch,
    WalShape::last_wal_record_xlog_switch_ends_on_page_boundary,
    WalShape::wal_record_crossing_segment_followed_by_small_one,
    WalShape::last_wal_record_crossing_segment,
};

std::string_view to_string(WalShape shape);
std::optional<WalShape> find_wal_shape(std::string_view name);

// Whether a logical message belongs to a transaction; then its COMMIT record follows it.
enum class MessageKind { alone, in_transaction };

// What crafting asks of a server, in one session. Every call may fail with the server's words.
class WalServer {
public:
    virtual ~WalServer() = default;
    // Where the next record will start: pg_current_wal_insert_lsn().
    virtual Result<Lsn> insert_position() = 0;
    // Writes a logical message of `bytes` with the prefix message_prefix; returns the end of its
    // record.
    virtual Result<Lsn> emit_message(MessageKind kind, std::uint64_t bytes) = 0;
    // pg_switch_wal(): the end of the XLOG_SWITCH record, past the header of a page that starts
    // there.
    virtual Result<Lsn> switch_segment() = 0;
    // Returns when the WAL before `end` is in its files, without writing any.
    virtual Result<void> wait_flushed(Lsn end) = 0;
};

inline constexpr std::string_view message_prefix = "sluice";

struct CraftedWal {
    // In order: where records of the shape start. Reading can begin at each of them.
    std::vector<Lsn> record_starts;
    // After the last record, as PostgreSQL counts: the end of the segment after XLOG_SWITCH.
    Lsn end_of_wal;
};

// Writes the shape at the end of the server's WAL. Begins anew when another session or the server
// itself writes a record in between.
//   errors: kind compute: the server's, or it never was quiet for long enough
Result<CraftedWal> craft_wal(WalShape shape, pgwal::SegmentSize size, WalServer& server);

}  // namespace sluice::ctl
