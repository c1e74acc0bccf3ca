#include "common/base/byte_reader.hpp"

#include <algorithm>

namespace sluice {

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

}  // namespace sluice
