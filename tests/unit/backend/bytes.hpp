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

// A message: tag, length, body.
inline Bytes message(char tag, std::string_view body = "") {
    Bytes bytes;
    ByteWriter writer(bytes);
    writer.u8(static_cast<std::uint8_t>(tag));
    writer.u32(static_cast<std::uint32_t>(4 + body.size()));
    writer.text(body);
    return bytes;
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
