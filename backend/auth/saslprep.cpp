#include "backend/auth/saslprep.hpp"

#include "backend/auth/unicode.hpp"
#include "common/base/text.hpp"

#include <algorithm>

namespace sluice::pg {

namespace {

bool is_ascii(std::string_view text) {
    return std::all_of(
        text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// RFC 4013, 2.1: other spaces become a space, some characters vanish.
std::u32string map_characters(const std::u32string& text) {
    std::u32string mapped;
    for (const char32_t c : text) {
        if (unicode::is_non_ascii_space(c)) {
            mapped += U' ';
        } else if (!unicode::is_mapped_to_nothing(c)) {
            mapped += c;
        }
    }
    return mapped;
}

// RFC 3454, 6: a right-to-left text begins and ends so and has nothing left-to-right in it.
bool mixes_directions(const std::u32string& text) {
    if (std::none_of(text.begin(), text.end(), unicode::is_right_to_left)) return false;
    return std::any_of(text.begin(), text.end(), unicode::is_left_to_right) ||
           !unicode::is_right_to_left(text.front()) || !unicode::is_right_to_left(text.back());
}

bool is_prohibited(char32_t c) { return unicode::is_prohibited(c) || unicode::is_unassigned(c); }

}  // namespace

Secret saslprep(const Secret& password) {
    const std::string_view raw = password.reveal();
    if (is_ascii(raw) || !is_utf8(raw)) return password;
    const std::u32string text = unicode::nfkc(map_characters(unicode::decode_utf8(raw)));
    if (text.empty() || std::any_of(text.begin(), text.end(), is_prohibited) ||
        mixes_directions(text)) {
        return password;
    }
    return Secret(unicode::encode_utf8(text));
}

}  // namespace sluice::pg
