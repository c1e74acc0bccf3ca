#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::config {

// "127.0.0.1:5440", "[::1]:5440", "db.internal:5432".
struct HostPort {
    std::string host;
    std::uint16_t port = 0;

    static std::optional<HostPort> parse(std::string_view text);
    std::string to_string() const;
    bool operator==(const HostPort&) const = default;
};

}  // namespace sluice::config
