#pragma once

#include "common/base/lsn.hpp"
#include "common/base/result.hpp"
#include "common/pgwal/errc.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::pgwal {

// An ancestor of a timeline.
struct TimelineAncestor {
    std::uint32_t timeline = 0;
    // Where its part of the history ends: the next timeline has the WAL from here on.
    Lsn end;
    // Why, for people.
    std::string reason;

    bool operator==(const TimelineAncestor&) const = default;
};

// Which timeline has which part of the WAL that leads to one timeline: a history file of
// PostgreSQL, such as 00000003.history. Timeline 1 has no file and no ancestors.
struct TimelineHistory {
    std::uint32_t timeline = 1;
    // Oldest first, each with a higher timeline than the one before.
    std::vector<TimelineAncestor> ancestors;

    // The timeline whose segments hold the byte at `lsn`.
    std::uint32_t timeline_of(Lsn lsn) const;
    // Where `timeline` or an ancestor begins and ends; nullopt for others. The first begins at 0/0,
    // and `timeline` itself has no end.
    std::optional<Lsn> begin_of(std::uint32_t of) const;
    std::optional<Lsn> end_of(std::uint32_t of) const;

    bool operator==(const TimelineHistory&) const = default;
};

// What is wrong with a history file, and in which line; lines count from 1, 0 is the whole.
struct HistoryError {
    Errc code{};
    std::size_t line = 0;
    std::string reason;

    // As the error of a Result, with the line in the text; its kind is ErrorKind::storage.
    Error to_error() const;
};

// Longest line that a server reads in one piece, without its line feed.
inline constexpr std::size_t history_line_bytes_max = 1022;

// Reads the content of the history file of `timeline` as PostgreSQL does: blank lines and lines
// that start with "#" are skipped; the others are a timeline, a position, and anything after it.
// Stricter than PostgreSQL, which never writes the like: no signs, no "0x", blanks between the
// fields, no zero and no position before that of the line above.
//   errors: Errc::invalid_history_line, history_line_too_long, history_out_of_order
//   source: timeline.c, readTimeLineHistory()
Expected<TimelineHistory, HistoryError> parse_timeline_history(std::uint32_t timeline,
                                                               std::string_view content);

// The content of the file, byte for byte what a server writes: a line for each ancestor with blank
// lines between; empty for timeline 1.
//   errors: those of parse_timeline_history(), for what could not be read again; `line` is then
//           the number of the ancestor
//   source: timeline.c, writeTimeLineHistory()
Expected<std::string, HistoryError> format_timeline_history(const TimelineHistory& history);

// "00000003.history"
std::string history_file_name(std::uint32_t timeline);
// The timeline in a name like that.
//   errors: Errc::invalid_history_name; also for timeline 0
Result<std::uint32_t> parse_history_file_name(std::string_view name);

}  // namespace sluice::pgwal
