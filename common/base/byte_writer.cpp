#include "common/base/byte_writer.hpp"

#include <boost/endian/conversion.hpp>

namespace sluice {

void ByteWriter::u16(std::uint16_t value) {
    const std::size_t position = out_.size();
    out_.resize(position + 2);
    boost::endian::store_big_u16(&out_[position], value);
}

void ByteWriter::u32(std::uint32_t value) { patch_u32(reserve_u32(), value); }

void ByteWriter::u64(std::uint64_t value) {
    const std::size_t position = out_.size();
    out_.resize(position + 8);
    boost::endian::store_big_u64(&out_[position], value);
}

bool ByteWriter::c_string(std::string_view value) {
    if (value.find('\0') != std::string_view::npos) return false;
    text(value);
    u8(0);
    return true;
}

std::size_t ByteWriter::reserve_u32() {
    const std::size_t position = out_.size();
    out_.resize(position + 4);
    return position;
}

void ByteWriter::patch_u32(std::size_t position, std::uint32_t value) {
    boost::endian::store_big_u32(&out_[position], value);
}

}  // namespace sluice
