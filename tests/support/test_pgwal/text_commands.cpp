#include "common/pgwal/timeline_history.hpp"
#include "common/pgwal/timestamp.hpp"
#include "tests/support/test_pgwal/commands.hpp"
#include "tests/support/test_pgwal/data_directory.hpp"

#include <iostream>

namespace sluice::test_pgwal {

namespace {

Result<pgwal::TimelineHistory> load_history(const std::filesystem::path& path) {
    const auto timeline = pgwal::parse_history_file_name(path.filename().string());
    if (!timeline) return timeline.error();
    const auto content = read_file(path);
    if (!content) return content.error();
    auto history = pgwal::parse_timeline_history(*timeline, as_text(*content));
    if (!history) return history.error().to_error();
    return *std::move(history);
}

}  // namespace

Result<void> print_history(const Arguments& arguments) {
    const auto history = load_history(arguments.at(0));
    if (!history) return history.error();
    const auto content = pgwal::format_timeline_history(*history);
    if (!content) return content.error().to_error();
    std::cout << *content;
    return {};
}

Result<void> print_history_entries(const Arguments& arguments) {
    const auto history = load_history(arguments.at(0));
    if (!history) return history.error();
    for (const pgwal::TimelineAncestor& ancestor : history->ancestors)
        std::cout << ancestor.timeline << " " << ancestor.end.to_string() << " " << ancestor.reason
                  << "\n";
    return {};
}

Result<void> print_timestamps(const Arguments& arguments) {
    for (const std::string& text : arguments) {
        const auto timestamp = pgwal::Timestamp::parse(text);
        if (!timestamp) return timestamp.error();
        std::cout << timestamp->microseconds() << " " << timestamp->to_string() << "\n";
    }
    return {};
}

}  // namespace sluice::test_pgwal
