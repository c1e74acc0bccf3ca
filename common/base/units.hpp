#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice {

// "500ms", "15s", "2m", "12h", "7d", also joined: "1m 30s". A number without a unit is refused.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
// The same form, largest units first: 90 s is "1m 30s", 0 is "0s".
std::string format_duration(std::chrono::milliseconds duration);

// "512", "64KiB", "16MiB", "2GiB".
std::optional<std::uint64_t> parse_byte_count(std::string_view text);

}  // namespace sluice
