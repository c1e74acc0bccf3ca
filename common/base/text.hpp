#pragma once

#include <string>
#include <string_view>

namespace sluice {

// Text from outside made safe for a terminal or a log line: control characters (C0, DEL, C1),
// invalid UTF-8 and bidirectional overrides become \xNN; at most `length_max` bytes, then "...".
std::string printable(std::string_view text, std::size_t length_max = 256);

// True when the bytes are well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms).
bool is_utf8(std::string_view text);

// Compares ASCII letters without case.
bool equal_ignoring_case(std::string_view a, std::string_view b);
std::string to_lower(std::string_view text);

}  // namespace sluice
