#include "ctl/log_line.hpp"

#include "common/base/text.hpp"
#include "common/http/json.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace sluice::ctl {

namespace {

constexpr std::size_t line_shown_max = 16U << 10U;

std::string shown(const boost::json::value& value) {
    const auto* text = value.if_string();
    return printable(text != nullptr ? std::string_view(*text) : boost::json::serialize(value),
                     line_shown_max);
}

// Quoted when a reader could not tell where it ends.
std::string shown_value(const boost::json::value& value) {
    auto text = shown(value);
    if (!text.empty() && text.find(' ') == std::string::npos) return text;
    return "\"" + text + "\"";
}

std::string member(const boost::json::object& line, std::string_view name) {
    const auto* found = line.if_contains(name);
    return found == nullptr ? "" : shown(*found);
}

}  // namespace

std::string readable_log_line(std::string_view line) {
    const auto parsed =
        line.starts_with("{") ? http::parse_json(line) : Error(ErrorKind::client, "");
    const auto* members = parsed ? parsed->if_object() : nullptr;
    if (members == nullptr || !members->contains("message")) return printable(line, line_shown_max);
    auto time = member(*members, "time");
    std::replace(time.begin(), time.end(), 'T', ' ');
    auto level = member(*members, "level");
    std::transform(level.begin(), level.end(), level.begin(), [](unsigned char c) {
        return static_cast<char>(std::toupper(c));
    });
    auto text = fmt::format("{} {:5} {}", time, level, member(*members, "message"));
    const char* gap = "  ";
    for (const auto& [key, value] : *members) {
        const std::string_view name = key;
        if (name == "time" || name == "level" || name == "service" || name == "message") continue;
        text += fmt::format("{}{}={}", gap, printable(name), shown_value(value));
        gap = " ";
    }
    return text;
}

}  // namespace sluice::ctl
