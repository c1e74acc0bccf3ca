#include "common/pgwal/timeline_history.hpp"

#include "common/base/assert.hpp"
#include "common/base/bytes.hpp"
#include "common/pgwal/timestamp.hpp"
#include "tests/fuzz/lines.hpp"
#include "tests/fuzz/target.hpp"

namespace sluice::fuzz {

namespace {

void parse_history(std::uint32_t timeline, std::string_view content) {
    const auto history = pgwal::parse_timeline_history(timeline, content);
    if (!history) {
        SLUICE_ASSERT(history.error().line > 0 && !history.error().reason.empty());
        return;
    }
    const auto written = pgwal::format_timeline_history(*history);
    SLUICE_ASSERT(written);
    const auto again = pgwal::parse_timeline_history(timeline, *written);
    SLUICE_ASSERT(again && *again == *history);
    for (const pgwal::TimelineAncestor& ancestor : history->ancestors) {
        SLUICE_ASSERT(history->begin_of(ancestor.timeline) <= history->end_of(ancestor.timeline));
        SLUICE_ASSERT(history->timeline_of(ancestor.end) > ancestor.timeline);
    }
}

void parse_timestamp(std::string_view text) {
    const auto timestamp = pgwal::Timestamp::parse(text);
    if (!timestamp) return;
    const auto again = pgwal::Timestamp::parse(timestamp->to_string());
    SLUICE_ASSERT(again && *again == *timestamp);
    SLUICE_ASSERT(pgwal::Timestamp::load(timestamp->microseconds()));
}

}  // namespace

// A history file. Its first line is also taken for a file name and for a time, which are the other
// texts beside WAL.
void try_input(ByteView input) {
    parse_history(UINT32_MAX, as_text(input));
    std::string_view rest = as_text(input);
    const std::string_view line = take_line(rest);
    if (const auto timeline = pgwal::parse_history_file_name(line)) {
        SLUICE_ASSERT(pgwal::history_file_name(*timeline) == line);
        parse_history(*timeline, rest);
    }
    parse_timestamp(line);
}

}  // namespace sluice::fuzz
