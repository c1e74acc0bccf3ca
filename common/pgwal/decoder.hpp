#pragma once

#include "common/base/bytes.hpp"
#include "common/base/lsn.hpp"
#include "common/pgwal/errc.hpp"
#include "common/pgwal/layouts.hpp"
#include "common/pgwal/page.hpp"
#include "common/pgwal/record.hpp"
#include "common/pgwal/segment.hpp"

#include <array>
#include <cstdint>

namespace sluice::pgwal {

// Where the bytes for a decoder begin.
enum class WalStart {
    at_record,     // at a record, or at a page that does not go on with one
    first_record,  // at any page: what goes on from the pages before is passed over
};

enum class RecordBody { skip, keep };
enum class RecordChecksum { verify, ignore };

struct WalDecoderOptions {
    PgMajor major;
    SegmentSize segment_size;
    // LSN of the first byte that will come.
    Lsn start;
    WalStart start_at = WalStart::at_record;
    // 0: that of the first long page header, for all that follow.
    std::uint64_t system_id = 0;
    // Timelines below are refused. Within the WAL a timeline may only rise.
    std::uint32_t timeline_min = 0;
    RecordBody body = RecordBody::skip;
    RecordChecksum checksum = RecordChecksum::verify;
};

// A record as it was found.
struct WalRecord {
    Lsn start;
    // After its last byte.
    Lsn end;
    // What PostgreSQL calls the end of the record: `end` rounded up to 8, or the end of the segment
    // after XLOG_SWITCH. The next record starts there, or behind the page header that is there.
    Lsn next;
    RecordHeader header;
    // The record without page headers, from its own header on; empty with RecordBody::skip.
    ByteView bytes;
    // Start of a record that was left unfinished before this one, when a crash took the end of it
    // (XLP_FIRST_IS_OVERWRITE_CONTRECORD); else 0/0.
    Lsn overwritten;
};

enum class WalStep {
    record,      // record() is the next one
    need_more,   // the input is used up
    end_of_wal,  // zeros where a record or page would start: nothing was written there yet
    failed,      // error() tells what is wrong; everything before records_end() is good
};

// Finds the records in a stream of WAL that comes in pieces of any size, and checks all that
// PostgreSQL's reader checks: page headers, record headers, how they link and continue, checksums.
//
//     WalDecoder decoder(options);
//     while (decoder.next(input) == WalStep::record) use(decoder.record());
//
//   memory: with RecordBody::keep a record that is split over pages or pieces is put together in
//           memory as it arrives; one that is not is a view of the input. Nothing is kept else.
//   after end_of_wal or failed every call returns the same.
class WalDecoder {
public:
    explicit WalDecoder(const WalDecoderOptions& options);

    // The next record in `input`; what was used is taken off its front. Returns need_more only
    // when all of it was used.
    WalStep next(ByteView& input);

    // Passes over padding and what XLOG_SWITCH left of its segment, when those bytes will not come.
    // The next input begins at position(), as always.
    void pass_unused();

    // After WalStep::record; valid until the next call, its bytes as long as the input as well.
    const WalRecord& record() const { return record_; }
    // After WalStep::failed.
    const WalError& error() const { return error_; }

    // LSN of the byte that comes next.
    Lsn position() const { return position_ + page_fragment_bytes_; }
    // WalRecord::next of the last record; where the first one may start when there is none yet.
    Lsn records_end() const { return records_end_; }
    // Start of the record whose bytes came in part, also after a page did not go on with it; 0/0
    // between records, and after one that is wrong itself.
    Lsn open_record() const { return open_record_; }
    // Of the last page; WalDecoderOptions::timeline_min until one came.
    std::uint32_t timeline() const { return timeline_; }
    // As given, or of the first long page header; 0 until one came.
    std::uint64_t system_id() const { return system_id_; }

private:
    enum class State {
        between_records,
        in_record,
        in_lost_record,  // the rest of a record that started before the decoder
        end_of_wal,
        failed,
    };
    // What a step leads to when it does not end the call.
    static constexpr WalStep go_on = WalStep::need_more;

    std::uint32_t page_left() const { return page_bytes - page_offset(position_); }
    void advance(ByteView& input, std::size_t bytes);

    WalStep step(ByteView& input);
    WalStep take_page_header(ByteView& input);
    WalStep on_page_header(const PageHeader& header);
    WalStep on_page_in_record(const PageHeader& header);
    WalStep on_page_in_lost_record(const PageHeader& header);
    WalStep check_continuation(const PageHeader& header, std::uint32_t bytes_left);

    WalStep take_record(ByteView& input);
    WalStep take_whole_record(ByteView& input);
    WalStep take_header_part(ByteView& input);
    WalStep on_first_part();
    WalStep take_body_part(ByteView& input);
    WalStep finish_open_record(std::uint32_t body_crc);
    void on_record(Lsn end);
    void take_lost_record(ByteView& input);

    WalStep fail(WalError error);
    WalStep fail_on_record(WalError error);
    WalStep fail_on_header();
    WalStep fail_on_checksum();
    WalStep fail_on_page(Errc code, std::string what);

    WalDecoderOptions options_;
    const Layout& layout_;
    State state_ = State::between_records;
    Lsn position_;
    // Bytes before this one belong to nothing: padding, or the rest of a segment.
    Lsn skip_until_;
    Lsn records_end_;
    Lsn previous_;     // start of the last record
    Lsn overwritten_;  // becomes that of the next record
    Lsn open_record_;
    std::uint64_t system_id_;
    std::uint32_t timeline_ = 0;
    bool synchronised_;

    std::array<std::uint8_t, long_page_header_bytes> page_fragment_{};
    std::size_t page_fragment_bytes_ = 0;

    // The record that is open: how much of it came, what of its header, its checksum so far.
    std::array<std::uint8_t, record_header_bytes> header_{};
    std::uint32_t first_part_bytes_ = 0;
    std::uint32_t bytes_got_ = 0;
    std::uint32_t body_crc_ = 0;
    std::uint32_t lost_bytes_ = 0;
    Bytes assembled_;

    WalRecord record_;
    WalError error_;
};

}  // namespace sluice::pgwal
