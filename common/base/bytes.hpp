#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace sluice {

// Bytes that somebody else owns; valid as long as their owner says.
using ByteView = std::span<const std::uint8_t>;
// The same, writable.
using ByteSpan = std::span<std::uint8_t>;
// Owned bytes.
using Bytes = std::vector<std::uint8_t>;

inline ByteView as_bytes(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

inline std::string_view as_text(ByteView bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline void append(Bytes& to, ByteView bytes) { to.insert(to.end(), bytes.begin(), bytes.end()); }

inline void append(Bytes& to, std::string_view text) { append(to, as_bytes(text)); }

}  // namespace sluice
