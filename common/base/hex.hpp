#pragma once

#include "common/base/bytes.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace sluice {

// Lower-case hexadecimal, two digits a byte.
std::string to_hex(ByteView bytes);
// nullopt for an odd length or any other character; upper case is accepted.
std::optional<Bytes> parse_hex(std::string_view text);

}  // namespace sluice
