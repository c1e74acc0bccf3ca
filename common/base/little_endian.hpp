#pragma once

#include "common/base/bytes.hpp"

#include <boost/endian/conversion.hpp>

#include <array>
#include <cstdint>
#include <cstring>

namespace sluice {

// Reads little-endian fields from bytes that came from outside: what PostgreSQL has on disk on the
// machines that sluice runs on. A read past the end sets a sticky failure and yields zeros, as in
// ByteReader (network order).
//   ownership: views returned point into the bytes given at construction
class LittleEndianReader {
public:
    explicit LittleEndianReader(ByteView bytes) : bytes_(bytes) {}

    std::uint8_t u8() { return take(1) ? bytes_[position_ - 1] : std::uint8_t{0}; }
    std::uint16_t u16() {
        return take(2) ? boost::endian::load_little_u16(&bytes_[position_ - 2]) : std::uint16_t{0};
    }
    std::uint32_t u32() {
        return take(4) ? boost::endian::load_little_u32(&bytes_[position_ - 4]) : std::uint32_t{0};
    }
    std::uint64_t u64() {
        return take(8) ? boost::endian::load_little_u64(&bytes_[position_ - 8]) : std::uint64_t{0};
    }
    // The next `count` bytes.
    ByteView bytes(std::size_t count) {
        return take(count) ? bytes_.subspan(position_ - count, count) : ByteView{};
    }
    void skip(std::size_t count) { take(count); }

    std::size_t position() const { return position_; }
    std::size_t remaining() const { return bytes_.size() - position_; }
    // False after any read past the end.
    bool ok() const { return ok_; }

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

// Appends little-endian fields to a buffer that the caller owns and that outlives the writer.
class LittleEndianWriter {
public:
    explicit LittleEndianWriter(Bytes& out) : out_(out) {}

    void u8(std::uint8_t value) { out_.push_back(value); }
    void u16(std::uint16_t value) { put(boost::endian::native_to_little(value)); }
    void u32(std::uint32_t value) { put(boost::endian::native_to_little(value)); }
    void u64(std::uint64_t value) { put(boost::endian::native_to_little(value)); }
    void bytes(ByteView value) { append(out_, value); }
    void zeros(std::size_t count) { out_.resize(out_.size() + count); }

private:
    template <class Number>
    void put(Number little) {
        std::array<std::uint8_t, sizeof(Number)> raw{};
        std::memcpy(raw.data(), &little, sizeof(Number));
        append(out_, ByteView(raw));
    }

    Bytes& out_;
};

}  // namespace sluice
