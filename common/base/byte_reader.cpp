#include "common/base/byte_reader.hpp"

#include <boost/endian/conversion.hpp>

#include <algorithm>

namespace sluice {

bool ByteReader::take(std::size_t count) {
    if (!ok_ || remaining() < count) {
        ok_ = false;
        return false;
    }
    position_ += count;
    return true;
}

std::uint8_t ByteReader::u8() { return take(1) ? bytes_[position_ - 1] : std::uint8_t{0}; }

std::uint16_t ByteReader::u16() {
    return take(2) ? boost::endian::load_big_u16(&bytes_[position_ - 2]) : std::uint16_t{0};
}

std::uint32_t ByteReader::u32() {
    return take(4) ? boost::endian::load_big_u32(&bytes_[position_ - 4]) : 0;
}

std::uint64_t ByteReader::u64() {
    return take(8) ? boost::endian::load_big_u64(&bytes_[position_ - 8]) : 0;
}

ByteView ByteReader::bytes(std::size_t count) {
    return take(count) ? bytes_.subspan(position_ - count, count) : ByteView{};
}

std::string_view ByteReader::c_string() {
    const ByteView left = bytes_.subspan(position_);
    const auto end = std::find(left.begin(), left.end(), std::uint8_t{0});
    if (!ok_ || end == left.end()) {
        ok_ = false;
        return {};
    }
    const auto length = static_cast<std::size_t>(end - left.begin());
    position_ += length + 1;
    return as_text(left.first(length));
}

ByteView ByteReader::rest() { return bytes(remaining()); }

}  // namespace sluice
