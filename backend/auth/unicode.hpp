#pragma once

#include <string>
#include <string_view>

namespace sluice::pg::unicode {

// The little of Unicode that SASLprep needs. Normalisation follows Unicode 14 as in PostgreSQL 15,
// the character classes are the tables of RFC 3454 (Unicode 3.2).

// `text` must be well-formed UTF-8.
std::u32string decode_utf8(std::string_view text);
std::string encode_utf8(const std::u32string& text);

// Normalisation form KC.
std::u32string nfkc(const std::u32string& text);

bool is_non_ascii_space(char32_t c);    // table C.1.2
bool is_mapped_to_nothing(char32_t c);  // table B.1
bool is_prohibited(char32_t c);         // tables C.1.2, C.2.1, C.2.2, C.3 to C.9
bool is_unassigned(char32_t c);         // table A.1
bool is_right_to_left(char32_t c);      // table D.1
bool is_left_to_right(char32_t c);      // table D.2

}  // namespace sluice::pg::unicode
