#include "common/base/units.hpp"

#include <array>
#include <charconv>
#include <limits>

namespace sluice {

namespace {

struct Unit {
    std::string_view name;
    std::uint64_t factor;
};

constexpr std::array<Unit, 5> duration_units = {
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
constexpr std::array<Unit, 4> byte_units = {
    {{"", 1}, {"KiB", 1U << 10U}, {"MiB", 1U << 20U}, {"GiB", 1U << 30U}}};
constexpr std::uint64_t value_max = std::numeric_limits<std::int64_t>::max() / 1'000'000;

// Takes "<digits><letters>" off the front of `text`.
template <std::size_t N>
std::optional<std::uint64_t> take_quantity(std::string_view& text,
                                           const std::array<Unit, N>& units) {
    std::uint64_t number = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
    if (parsed.ec != std::errc{}) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(parsed.ptr - text.data()));
    const std::size_t end = text.find_first_of(" 0123456789");
    const std::string_view name = text.substr(0, end);
    text.remove_prefix(name.size());
    for (const Unit& unit : units) {
        if (unit.name == name && number <= value_max / unit.factor) return number * unit.factor;
    }
    return std::nullopt;
}

}  // namespace

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
    if (text.empty()) return std::nullopt;
    std::uint64_t total = 0;
    while (!text.empty()) {
        const auto part = take_quantity(text, duration_units);
        if (!part || total > value_max - *part) return std::nullopt;
        total += *part;
        while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    }
    return std::chrono::milliseconds(total);
}

std::string format_duration(std::chrono::milliseconds duration) {
    auto left = static_cast<std::uint64_t>(duration.count() < 0 ? 0 : duration.count());
    std::string text;
    for (const Unit& unit : duration_units) {
        const std::uint64_t count = left / unit.factor;
        if (count == 0) continue;
        left -= count * unit.factor;
        if (!text.empty()) text += ' ';
        text += std::to_string(count) + std::string(unit.name);
    }
    return text.empty() ? "0s" : text;
}

std::optional<std::uint64_t> parse_byte_count(std::string_view text) {
    const auto quantity = take_quantity(text, byte_units);
    return text.empty() ? quantity : std::nullopt;
}

}  // namespace sluice
