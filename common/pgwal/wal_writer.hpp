#pragma once

#include "common/base/result.hpp"
#include "common/pgwal/page.hpp"
#include "common/pgwal/record_content.hpp"
#include "common/pgwal/segment.hpp"
#include "common/pgwal/version.hpp"
#include "common/pgwal/wal_sink.hpp"

#include <cstdint>
#include <optional>

namespace sluice::pgwal {

// What page headers tell of the cluster and timeline that the WAL is of.
struct WalIdentity {
    PgMajor major;
    SegmentSize segment_size;
    std::uint64_t system_id = 0;
    std::uint32_t timeline = 1;
};

// Where WAL goes on.
struct WalPosition {
    // After the record before, rounded up to 8. At the start of a page the page's header is still
    // to be written; anywhere else it is there already.
    Lsn next;
    // Start of the record before; 0/0 when there is none.
    Lsn previous;
};

// Where a record was written.
struct WrittenRecord {
    Lsn start;
    // After its last byte.
    Lsn end;
    // Where WAL goes on: `end` rounded up to 8, or the next segment after XLOG_SWITCH.
    Lsn next;
};

// Writes records one after another as a server does: linked to the one before, continued over
// pages and segments, with the headers of those. The counterpart of WalDecoder.
//   memory: one page, whatever the length of the records
//   errors: those of the sink are returned, and returned again by every call after
class WalWriter {
public:
    // `sink` outlives the writer.
    //   errors: Errc::invalid_start: no record can start at `position.next`
    static Result<WalWriter> open(const WalIdentity& identity,
                                  const WalPosition& position,
                                  WalSink& sink);

    // The bytes of a page reach the sink when it is full, or with flush().
    //   errors: Errc::invalid_record_length: nothing was written
    Result<WrittenRecord> append(const RecordContent& content);
    // Writes XLOG_SWITCH and zeros up to the end of the segment, which reach the sink at once.
    // nullopt at the start of a segment, where there is nothing to leave, as in a server.
    Result<std::optional<WrittenRecord>> append_switch();
    // Hands what is buffered to the sink.
    Result<void> flush();
    // Flushes, and fills the segment with zeros: as the last segment of a server looks. The last
    // call.
    Result<void> finish();

    // Where WAL goes on.
    WalPosition position() const { return {lsn(), previous_}; }
    // Where the next record starts: there, or behind the page header that is to be written.
    Lsn next_start() const;

private:
    WalWriter(const WalIdentity& identity, const WalPosition& position, WalSink& sink);

    Lsn lsn() const { return buffer_start_ + buffer_.size(); }
    std::uint32_t page_left() const { return page_bytes - page_offset(lsn()); }

    Result<WrittenRecord> put_record(const RecordHeader& header, const RecordContent& content);
    void put_page_header(std::uint32_t rem_len);
    Result<void> put_part(ByteView bytes, std::uint32_t& record_bytes_left);
    Result<void> put_zeros_to_segment_end();
    Result<void> hand_over_full_page();
    Result<void> hand_over();

    WalIdentity identity_;
    WalSink* sink_;
    Lsn previous_;
    // The part of a page that the sink does not have yet.
    Lsn buffer_start_;
    Bytes buffer_;
    std::optional<Error> failure_;
};

// Writes the start of the segment that holds `start` up to `start`, for WAL that begins there
// without anything before it, such as the first of a safekeeper's timeline. The segment's first
// page and the page of `start` have headers, and that one tells readers to pass over the bytes
// before `start`; everything else is zero. A WalWriter goes on from there.
//   errors: Errc::invalid_start; those of the sink
Result<void> write_segment_start(const WalIdentity& identity, Lsn start, WalSink& sink);

}  // namespace sluice::pgwal
