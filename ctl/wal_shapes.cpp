#include "ctl/wal_shapes.hpp"

#include "common/pgwal/page.hpp"
#include "common/pgwal/record.hpp"

#include <algorithm>

namespace sluice::ctl {

namespace {

using pgwal::page_bytes;
using pgwal::SegmentSize;

constexpr int attempts_max = 20;
// A record of this size goes over the end of a segment; what is before it is filled with others.
constexpr std::uint64_t crossing_bytes_max = 16U << 20U;
constexpr std::uint64_t filler_bytes_max = 64U << 20U;

// Record header, xl_logical_message, prefix and its NUL; the data header has 2 bytes for up to 255
// bytes of data, else 5. Source: replication/message.h, access/xloginsert.c
constexpr std::uint64_t message_data_bytes(std::uint64_t bytes) {
    return 24 + message_prefix.size() + 1 + bytes;
}
constexpr std::uint64_t message_record_bytes(std::uint64_t bytes) {
    const auto data = message_data_bytes(bytes);
    return pgwal::record_header_bytes + (data <= 255 ? 2 : 5) + data;
}

// Where a record starts after one that ends at `end`.
Lsn next_start(Lsn end, SegmentSize size) {
    if (pgwal::page_offset(end) != 0) return end;
    return end + pgwal::page_header_bytes_at(end, size);
}

// The end of the record before one that would start at `start`.
Lsn previous_end(Lsn start, SegmentSize size) {
    const Lsn page(start.value() - pgwal::page_offset(start));
    return start == next_start(page, size) ? page : start;
}

// The end, rounded up to 8, of a record of `bytes` that starts at `start`.
Lsn record_end(Lsn start, std::uint64_t bytes, SegmentSize size) {
    auto at = start;
    while (bytes > 0) {
        at = next_start(at, size);
        const auto part = std::min<std::uint64_t>(bytes, page_bytes - pgwal::page_offset(at));
        at = at + part;
        bytes -= part;
    }
    return pgwal::align_record(at);
}

// One attempt.
class Craft {
public:
    Craft(SegmentSize size, WalServer& server) : size_(size), server_(server) {}

    Result<void> run(WalShape shape);
    CraftedWal result() && { return std::move(wal_); }
    // It failed because somebody else wrote WAL in between.
    bool disturbed() const { return disturbed_; }

private:
    Result<void> messages();
    Result<void> message(MessageKind kind, std::uint64_t bytes);
    enum class SwitchEnd { anywhere, at_page_end };
    Result<void> switch_segment(SwitchEnd where);
    Result<void> fill_to_switch_at_page_end();
    Result<void> crossing(MessageKind kind);
    Result<void> crossing_after_filling(MessageKind kind);
    Result<void> come_to_rest();

    Result<void> disturb();
    std::uint64_t left_in_segment(Lsn at) const { return size_.bytes() - size_.offset_of(at); }

    SegmentSize size_;
    WalServer& server_;
    CraftedWal wal_;
    bool disturbed_ = false;
};

Result<void> Craft::disturb() {
    disturbed_ = true;
    return Error(ErrorKind::compute,
                 "the server writes WAL of its own: end other sessions, set autovacuum = off and "
                 "checkpoint_timeout = 1d, and try again");
}

Result<void> Craft::run(WalShape shape) {
    switch (shape) {
    case WalShape::simple:
        if (auto done = messages(); !done) return done;
        break;
    case WalShape::last_wal_record_xlog_switch:
        if (auto done = message(MessageKind::in_transaction, 10); !done) return done;
        if (auto done = switch_segment(SwitchEnd::anywhere); !done) return done;
        break;
    case WalShape::last_wal_record_xlog_switch_ends_on_page_boundary:
        if (auto done = message(MessageKind::in_transaction, 10); !done) return done;
        if (auto done = fill_to_switch_at_page_end(); !done) return done;
        if (auto done = switch_segment(SwitchEnd::at_page_end); !done) return done;
        break;
    case WalShape::wal_record_crossing_segment_followed_by_small_one:
        if (auto done = crossing(MessageKind::in_transaction); !done) return done;
        break;
    case WalShape::last_wal_record_crossing_segment:
        if (auto done = crossing(MessageKind::alone); !done) return done;
        break;
    }
    return come_to_rest();
}

Result<void> Craft::messages() {
    for (const std::uint64_t bytes : {10U, 300U, 20'000U}) {
        if (auto done = message(MessageKind::in_transaction, bytes); !done) return done;
    }
    return {};
}

// Appends a message, and the COMMIT of its transaction.
Result<void> Craft::message(MessageKind kind, std::uint64_t bytes) {
    auto start = server_.insert_position();
    if (!start) return std::move(start).error();
    auto end = server_.emit_message(kind, bytes);
    if (!end) return std::move(end).error();
    if (*end != record_end(*start, message_record_bytes(bytes), size_)) return disturb();
    wal_.record_starts.push_back(*start);
    wal_.end_of_wal = *end;
    if (kind == MessageKind::alone) return {};

    auto after_commit = server_.insert_position();
    if (!after_commit) return std::move(after_commit).error();
    wal_.record_starts.push_back(next_start(*end, size_));
    wal_.end_of_wal = previous_end(*after_commit, size_);
    return {};
}

Result<void> Craft::switch_segment(SwitchEnd where) {
    auto start = server_.insert_position();
    if (!start) return std::move(start).error();
    auto end = server_.switch_segment();
    if (!end) return std::move(end).error();
    const auto expected = record_end(*start, pgwal::record_header_bytes, size_);
    if (*end != next_start(expected, size_)) return disturb();
    if (where == SwitchEnd::at_page_end && pgwal::page_offset(expected) != 0) return disturb();
    wal_.record_starts.push_back(*start);
    wal_.end_of_wal = size_.round_up(expected);
    return {};
}

// Leaves room for an XLOG_SWITCH record on the page and nothing more. The last page of a segment
// would be another case: there the record ends on a segment boundary.
Result<void> Craft::fill_to_switch_at_page_end() {
    // With more than 255 bytes of data the size of the record tells that of the message.
    constexpr std::uint64_t enough = message_record_bytes(256) + pgwal::record_header_bytes;
    for (;;) {
        auto at = server_.insert_position();
        if (!at) return std::move(at).error();
        const std::uint64_t left = page_bytes - pgwal::page_offset(*at);
        if (left < enough || left_in_segment(*at) <= page_bytes) {
            if (auto done = message(MessageKind::alone, enough); !done) return done;
            continue;
        }
        const auto record_bytes = left - pgwal::record_header_bytes;
        return message(MessageKind::alone, 256 + record_bytes - message_record_bytes(256));
    }
}

// A record from one segment into the next.
Result<void> Craft::crossing(MessageKind kind) {
    for (;;) {
        auto at = server_.insert_position();
        if (!at) return std::move(at).error();
        const auto left = left_in_segment(*at);
        if (left <= crossing_bytes_max) break;
        const auto filler = std::min(left - crossing_bytes_max / 2, filler_bytes_max);
        if (auto done = message(MessageKind::alone, filler); !done) return done;
    }
    return crossing_after_filling(kind);
}

Result<void> Craft::crossing_after_filling(MessageKind kind) {
    auto at = server_.insert_position();
    if (!at) return std::move(at).error();
    // Half a segment more, at most half a MiB, and an odd byte so that padding follows.
    const auto bytes = left_in_segment(*at) + std::min<std::uint64_t>(size_.bytes(), 1U << 20U) / 2;
    const auto before = wal_.record_starts.size();
    if (auto done = message(kind, bytes + 1); !done) return done;
    const auto start = wal_.record_starts.at(before);
    if (size_.segment_of(start) == size_.segment_of(wal_.end_of_wal)) return disturb();
    return {};
}

Result<void> Craft::come_to_rest() {
    if (auto flushed = server_.wait_flushed(wal_.end_of_wal); !flushed)
        return std::move(flushed).error();
    auto now = server_.insert_position();
    if (!now) return std::move(now).error();
    if (*now != next_start(wal_.end_of_wal, size_)) return disturb();
    return {};
}

constexpr std::array<std::string_view, wal_shapes.size()> names{
    "simple",
    "last_wal_record_xlog_switch",
    "last_wal_record_xlog_switch_ends_on_page_boundary",
    "wal_record_crossing_segment_followed_by_small_one",
    "last_wal_record_crossing_segment",
};

}  // namespace

std::string_view to_string(WalShape shape) { return names.at(static_cast<std::size_t>(shape)); }

std::optional<WalShape> find_wal_shape(std::string_view name) {
    for (const auto shape : wal_shapes)
        if (to_string(shape) == name) return shape;
    return std::nullopt;
}

Result<CraftedWal> craft_wal(WalShape shape, SegmentSize size, WalServer& server) {
    for (int attempt = 1;; ++attempt) {
        Craft craft(size, server);
        auto done = craft.run(shape);
        if (done) return std::move(craft).result();
        if (!craft.disturbed() || attempt == attempts_max) return std::move(done).error();
    }
}

}  // namespace sluice::ctl
