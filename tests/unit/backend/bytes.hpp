#pragma once

#include "common/base/byte_writer.hpp"

#include <initializer_list>
#include <string_view>

namespace sluice::pg {

// Bytes written down as text.
inline Bytes bytes_of(std::string_view text) {
    const ByteView bytes = as_bytes(text);
    return {bytes.begin(), bytes.end()};
}

// A startup packet: length, version, body.
inline Bytes startup_packet(std::uint16_t major, std::uint16_t minor, std::string_view body) {
    Bytes packet;
    ByteWriter writer(packet);
    writer.u32(static_cast<std::uint32_t>(8 + body.size()));
    writer.u16(major);
    writer.u16(minor);
    writer.text(body);
    return packet;
}

}  // namespace sluice::pg
