#pragma once

#include "common/base/bytes.hpp"

#include <array>
#include <compare>
#include <optional>
#include <string>
#include <string_view>

namespace sluice {

// A 16-byte id that prints as 32 lower-case hex digits. The tag keeps ids of different things
// apart at compile time.
template <class Tag>
class HexId {
public:
    static constexpr std::size_t size = 16;

    HexId() = default;
    explicit HexId(const std::array<std::uint8_t, size>& bytes) : bytes_(bytes) {}

    // Exactly 32 hex digits; anything else is nullopt.
    static std::optional<HexId> parse(std::string_view text);
    std::string to_string() const;
    ByteView bytes() const { return bytes_; }

    auto operator<=>(const HexId&) const = default;

private:
    std::array<std::uint8_t, size> bytes_{};
};

using TenantId = HexId<struct TenantIdTag>;
using TimelineId = HexId<struct TimelineIdTag>;

}  // namespace sluice
