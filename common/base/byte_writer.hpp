#pragma once

#include "common/base/bytes.hpp"

#include <string_view>

namespace sluice {

// Appends big-endian (network order) fields to a buffer that the caller owns and that outlives
// the writer.
class ByteWriter {
public:
    explicit ByteWriter(Bytes& out) : out_(out) {}

    void u8(std::uint8_t value) { out_.push_back(value); }
    void u16(std::uint16_t value);
    void u32(std::uint32_t value);
    void u64(std::uint64_t value);
    void i16(std::int16_t value) { u16(static_cast<std::uint16_t>(value)); }
    void i32(std::int32_t value) { u32(static_cast<std::uint32_t>(value)); }
    void i64(std::int64_t value) { u64(static_cast<std::uint64_t>(value)); }
    void bytes(ByteView value) { append(out_, value); }
    void text(std::string_view value) { append(out_, value); }

    // Text and its NUL. False, and nothing is written, when the text holds a NUL itself: it would
    // be another text on the wire, with a second one behind it.
    [[nodiscard]] bool c_string(std::string_view value);

    // Reserves four bytes for a length that is known later; returns their position.
    std::size_t reserve_u32();
    // Writes `value` at a position from reserve_u32().
    void patch_u32(std::size_t position, std::uint32_t value);

    std::size_t size() const { return out_.size(); }

private:
    Bytes& out_;
};

}  // namespace sluice
