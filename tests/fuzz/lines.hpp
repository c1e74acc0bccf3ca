#pragma once

#include "common/base/bytes.hpp"

#include <string_view>

namespace sluice::fuzz {

// Cuts the next line off the front of `text`; empty when nothing is left.
inline std::string_view take_line(std::string_view& text) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return line;
}

}  // namespace sluice::fuzz
