#include "common/pgwal/timeline_history.hpp"

#include "common/base/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

namespace sluice::pgwal {

namespace {

constexpr std::string_view blanks = " \t\r\v\f";
constexpr std::string_view file_suffix = ".history";

std::string_view take_blanks(std::string_view& rest) {
    const std::size_t count = std::min(rest.find_first_not_of(blanks), rest.size());
    const std::string_view taken = rest.substr(0, count);
    rest.remove_prefix(count);
    return taken;
}

// Up to the next blank.
std::string_view take_word(std::string_view& rest) {
    const std::size_t count = std::min(rest.find_first_of(blanks), rest.size());
    const std::string_view taken = rest.substr(0, count);
    rest.remove_prefix(count);
    return taken;
}

std::string_view without_blanks_at_the_end(std::string_view text) {
    return text.substr(0, text.find_last_not_of(blanks) + 1);
}

HistoryError invalid_line(std::size_t line, std::string reason) {
    return {Errc::invalid_history_line, line, std::move(reason)};
}

bool parse_timeline(std::string_view word, std::uint32_t& timeline) {
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), timeline);
    return error == std::errc() && end == word.data() + word.size() && timeline != 0;
}

// Which ancestors may follow which, the same for reading and writing.
std::optional<HistoryError> check_order(const TimelineHistory& history,
                                        const TimelineAncestor& next,
                                        std::size_t line) {
    const auto out_of_order = [line](std::string reason) {
        return HistoryError{Errc::history_out_of_order, line, std::move(reason)};
    };
    if (next.timeline >= history.timeline)
        return out_of_order("timeline " + std::to_string(next.timeline) +
                            " cannot be an ancestor of timeline " +
                            std::to_string(history.timeline));
    if (history.ancestors.empty()) return std::nullopt;
    const TimelineAncestor& before = history.ancestors.back();
    if (next.timeline <= before.timeline)
        return out_of_order("timeline " + std::to_string(next.timeline) + " after timeline " +
                            std::to_string(before.timeline));
    if (next.end < before.end)
        return out_of_order("timeline " + std::to_string(next.timeline) + " ends at " +
                            next.end.to_string() + ", before it begins at " +
                            before.end.to_string());
    return std::nullopt;
}

Expected<TimelineAncestor, HistoryError> parse_ancestor(std::string_view text, std::size_t line) {
    TimelineAncestor ancestor;
    take_blanks(text);
    const std::string_view timeline = take_word(text);
    if (!parse_timeline(timeline, ancestor.timeline))
        return invalid_line(line, "\"" + printable(timeline, 32) + "\" is not a timeline");
    take_blanks(text);
    const std::string_view position = take_word(text);
    const auto end = Lsn::parse(position);
    if (!end || !end->valid())
        return invalid_line(line,
                            "\"" + printable(position, 32) + "\" is not a position like 0/3000098");
    ancestor.end = *end;
    take_blanks(text);
    ancestor.reason = without_blanks_at_the_end(text);
    return ancestor;
}

bool is_entry(std::string_view text) {
    take_blanks(text);
    return !text.empty() && text.front() != '#';
}

std::optional<HistoryError> check_line(std::string_view text, std::size_t line) {
    if (text.size() > history_line_bytes_max)
        return HistoryError{Errc::history_line_too_long,
                            line,
                            "more than " + std::to_string(history_line_bytes_max) + " bytes"};
    if (text.find('\0') != std::string_view::npos) return invalid_line(line, "a NUL byte");
    return std::nullopt;
}

std::string format_ancestor(const TimelineAncestor& ancestor) {
    return std::to_string(ancestor.timeline) + "\t" + ancestor.end.to_string() + "\t" +
           ancestor.reason;
}

// Whether the line means the ancestor when it is read again.
std::optional<HistoryError> check_formatted(const std::string& text,
                                            const TimelineAncestor& ancestor,
                                            std::size_t line) {
    if (text.find('\n') != std::string::npos)
        return invalid_line(line, "a reason of several lines");
    if (auto error = check_line(text, line)) return error;
    const auto again = parse_ancestor(text, line);
    if (!again) return again.error();
    if (*again == ancestor) return std::nullopt;
    return invalid_line(line, "a reason that starts or ends with a blank");
}

}  // namespace

std::uint32_t TimelineHistory::timeline_of(Lsn lsn) const {
    for (const TimelineAncestor& ancestor : ancestors)
        if (lsn < ancestor.end) return ancestor.timeline;
    return timeline;
}

std::optional<Lsn> TimelineHistory::begin_of(std::uint32_t of) const {
    Lsn begin;
    for (const TimelineAncestor& ancestor : ancestors) {
        if (ancestor.timeline == of) return begin;
        begin = ancestor.end;
    }
    if (of == timeline) return begin;
    return std::nullopt;
}

std::optional<Lsn> TimelineHistory::end_of(std::uint32_t of) const {
    for (const TimelineAncestor& ancestor : ancestors)
        if (ancestor.timeline == of) return ancestor.end;
    return std::nullopt;
}

Error HistoryError::to_error() const {
    const std::string where = line == 0 ? "" : "line " + std::to_string(line) + ": ";
    return Error(ErrorKind::storage, where + reason, make_error_code(code));
}

Expected<TimelineHistory, HistoryError> parse_timeline_history(std::uint32_t timeline,
                                                               std::string_view content) {
    TimelineHistory history;
    history.timeline = timeline;
    for (std::size_t line = 1; !content.empty(); ++line) {
        const std::size_t length = std::min(content.find('\n'), content.size());
        const std::string_view text = content.substr(0, length);
        content.remove_prefix(std::min(length + 1, content.size()));
        if (auto error = check_line(text, line)) return std::move(*error);
        if (!is_entry(text)) continue;
        auto ancestor = parse_ancestor(text, line);
        if (!ancestor) return ancestor.error();
        if (auto error = check_order(history, *ancestor, line)) return std::move(*error);
        history.ancestors.push_back(*std::move(ancestor));
    }
    return history;
}

Expected<std::string, HistoryError> format_timeline_history(const TimelineHistory& history) {
    std::string content;
    TimelineHistory written;
    written.timeline = history.timeline;
    for (const TimelineAncestor& ancestor : history.ancestors) {
        const std::size_t number = written.ancestors.size() + 1;
        const std::string text = format_ancestor(ancestor);
        if (auto error = check_formatted(text, ancestor, number)) return std::move(*error);
        if (auto error = check_order(written, ancestor, number)) return std::move(*error);
        if (!content.empty()) content += "\n";
        content += text + "\n";
        written.ancestors.push_back(ancestor);
    }
    return content;
}

std::string history_file_name(std::uint32_t timeline) {
    std::array<char, 9> digits{};
    std::snprintf(digits.data(), digits.size(), "%08X", static_cast<unsigned>(timeline));
    return std::string(digits.data()).append(file_suffix);
}

Result<std::uint32_t> parse_history_file_name(std::string_view name) {
    const std::string_view digits = name.substr(0, 8);
    const bool valid = name.size() == 16 && name.substr(8) == file_suffix &&
                       digits.find_first_not_of("0123456789ABCDEF") == std::string_view::npos &&
                       digits != "00000000";
    if (!valid)
        return Error(ErrorKind::storage,
                     "\"" + printable(name, 64) +
                         "\" is not the name of a timeline history like 00000002.history",
                     make_error_code(Errc::invalid_history_name));
    std::uint32_t timeline = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), timeline, 16);
    return timeline;
}

}  // namespace sluice::pgwal
