#pragma once

#include "common/base/bytes.hpp"

#include <boost/endian/conversion.hpp>

#include <string_view>

namespace sluice {

// Reads big-endian (network order) fields from bytes that came from outside. An attempt to read
// past the end sets a sticky failure and yields zeros, so a parser reads straight through and
// asks ok() once at the end.
//   ownership: views returned point into the bytes given at construction
class ByteReader {
public:
    explicit ByteReader(ByteView bytes) : bytes_(bytes) {}

    std::uint8_t u8() { return take(1) ? bytes_[position_ - 1] : std::uint8_t{0}; }
    std::uint16_t u16() {
        return take(2) ? boost::endian::load_big_u16(&bytes_[position_ - 2]) : std::uint16_t{0};
    }
    std::uint32_t u32() {
        return take(4) ? boost::endian::load_big_u32(&bytes_[position_ - 4]) : std::uint32_t{0};
    }
    std::uint64_t u64() {
        return take(8) ? boost::endian::load_big_u64(&bytes_[position_ - 8]) : std::uint64_t{0};
    }
    std::int16_t i16() { return static_cast<std::int16_t>(u16()); }
    std::int32_t i32() { return static_cast<std::int32_t>(u32()); }
    std::int64_t i64() { return static_cast<std::int64_t>(u64()); }

    // The next `count` bytes.
    ByteView bytes(std::size_t count) {
        return take(count) ? bytes_.subspan(position_ - count, count) : ByteView{};
    }
    // Text up to a NUL, which is consumed but not returned; a missing NUL is a failure.
    std::string_view c_string();
    // Everything that is left.
    ByteView rest() { return bytes(remaining()); }

    std::size_t remaining() const { return bytes_.size() - position_; }
    // False after any read past the end.
    bool ok() const { return ok_; }
    // ok() and nothing left over.
    bool finished() const { return ok_ && remaining() == 0; }

private:
    bool take(std::size_t count) {
        ok_ = ok_ && count <= remaining();
        if (ok_) position_ += count;
        return ok_;
    }

    ByteView bytes_;
    std::size_t position_ = 0;
    bool ok_ = true;
};

}  // namespace sluice
