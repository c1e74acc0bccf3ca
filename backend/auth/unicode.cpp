#include "backend/auth/unicode.hpp"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>

namespace sluice::pg::unicode {

namespace {

struct Range {
    char32_t first;
    char32_t last;
};
// `count` code points of decomposition_pool from `start`.
struct Decomposition {
    char32_t code;
    std::uint16_t start;
    std::uint8_t count;
};
struct Composition {
    char32_t first;
    char32_t second;
    char32_t composed;
};
struct CombiningClass {
    char32_t code;
    std::uint8_t value;
};

#include "backend/auth/unicode_tables.inc"

// Hangul syllables are computed: Unicode Standard, 3.12.
constexpr char32_t hangul_first = 0xAC00;
constexpr char32_t hangul_l = 0x1100;
constexpr char32_t hangul_v = 0x1161;
constexpr char32_t hangul_t = 0x11A7;  // one before the first trailing consonant
constexpr char32_t hangul_l_count = 19;
constexpr char32_t hangul_v_count = 21;
constexpr char32_t hangul_t_count = 28;
constexpr char32_t hangul_count = hangul_l_count * hangul_v_count * hangul_t_count;

bool in(std::span<const Range> ranges, char32_t c) {
    const auto after =
        std::upper_bound(ranges.begin(), ranges.end(), c, [](char32_t code, Range range) {
            return code < range.first;
        });
    return after != ranges.begin() && c <= std::prev(after)->last;
}

std::uint8_t combining_class(char32_t c) {
    const auto found = std::lower_bound(
        std::begin(combining_classes),
        std::end(combining_classes),
        c,
        [](const CombiningClass& entry, char32_t code) { return entry.code < code; });
    return found != std::end(combining_classes) && found->code == c ? found->value
                                                                    : std::uint8_t{0};
}

void append_hangul(std::u32string& to, char32_t c) {
    const char32_t index = c - hangul_first;
    to += hangul_l + index / (hangul_v_count * hangul_t_count);
    to += hangul_v + index / hangul_t_count % hangul_v_count;
    if (index % hangul_t_count != 0) to += hangul_t + index % hangul_t_count;
}

void append_decomposed(std::u32string& to, char32_t c) {
    if (c >= hangul_first && c < hangul_first + hangul_count) return append_hangul(to, c);
    const auto found = std::lower_bound(
        std::begin(decompositions),
        std::end(decompositions),
        c,
        [](const Decomposition& entry, char32_t code) { return entry.code < code; });
    if (found == std::end(decompositions) || found->code != c) {
        to += c;
    } else {
        to.append(decomposition_pool + found->start, found->count);
    }
}

// Marks between two starters in the order of their classes.
void order_marks(std::u32string& text) {
    for (auto start = text.begin(); start != text.end();) {
        if (combining_class(*start) == 0) {
            ++start;
            continue;
        }
        const auto end =
            std::find_if(start, text.end(), [](char32_t c) { return combining_class(c) == 0; });
        std::stable_sort(start, end, [](char32_t a, char32_t b) {
            return combining_class(a) < combining_class(b);
        });
        start = end;
    }
}

std::optional<char32_t> compose_hangul(char32_t first, char32_t second) {
    if (first >= hangul_l && first < hangul_l + hangul_l_count && second >= hangul_v &&
        second < hangul_v + hangul_v_count) {
        return hangul_first +
               ((first - hangul_l) * hangul_v_count + (second - hangul_v)) * hangul_t_count;
    }
    const bool lv_syllable = first >= hangul_first && first < hangul_first + hangul_count &&
                             (first - hangul_first) % hangul_t_count == 0;
    if (lv_syllable && second > hangul_t && second < hangul_t + hangul_t_count) {
        return first + (second - hangul_t);
    }
    return std::nullopt;
}

std::optional<char32_t> compose_pair(char32_t first, char32_t second) {
    if (const auto hangul = compose_hangul(first, second)) return hangul;
    const auto found =
        std::lower_bound(std::begin(compositions),
                         std::end(compositions),
                         Composition{first, second, 0},
                         [](const Composition& a, const Composition& b) {
                             return a.first != b.first ? a.first < b.first : a.second < b.second;
                         });
    if (found == std::end(compositions) || found->first != first || found->second != second) {
        return std::nullopt;
    }
    return found->composed;
}

// Joins each character with the last starter unless one of the same or a higher class is between.
std::u32string compose(const std::u32string& text) {
    std::u32string composed;
    std::optional<std::size_t> starter;  // its place in `composed`
    int last_class = -1;                 // of what follows the starter
    for (const char32_t c : text) {
        const int own_class = combining_class(c);
        if (starter && last_class < own_class) {
            if (const auto joined = compose_pair(composed[*starter], c)) {
                composed[*starter] = *joined;
                continue;
            }
        }
        if (own_class == 0) {
            starter = composed.size();
            last_class = -1;
        } else {
            last_class = own_class;
        }
        composed += c;
    }
    return composed;
}

}  // namespace

std::u32string decode_utf8(std::string_view text) {
    std::u32string decoded;
    for (const char c : text) {
        const auto byte = static_cast<std::uint8_t>(c);
        if (byte < 0x80) {
            decoded += byte;
        } else if (byte < 0xC0) {
            decoded.back() = decoded.back() << 6U | (byte & 0x3FU);
        } else if (byte < 0xE0) {
            decoded += byte & 0x1FU;
        } else if (byte < 0xF0) {
            decoded += byte & 0x0FU;
        } else {
            decoded += byte & 0x07U;
        }
    }
    return decoded;
}

std::string encode_utf8(const std::u32string& text) {
    std::string encoded;
    const auto put = [&](char32_t byte) { encoded += static_cast<char>(byte); };
    const auto follow = [&](char32_t c, unsigned shift) { put(0x80U | (c >> shift & 0x3FU)); };
    for (const char32_t c : text) {
        if (c < 0x80) {
            put(c);
        } else if (c < 0x800) {
            put(0xC0U | c >> 6U);
            follow(c, 0);
        } else if (c < 0x10000) {
            put(0xE0U | c >> 12U);
            follow(c, 6);
            follow(c, 0);
        } else {
            put(0xF0U | c >> 18U);
            follow(c, 12);
            follow(c, 6);
            follow(c, 0);
        }
    }
    return encoded;
}

std::u32string nfkc(const std::u32string& text) {
    std::u32string decomposed;
    for (const char32_t c : text) append_decomposed(decomposed, c);
    order_marks(decomposed);
    return compose(decomposed);
}

bool is_non_ascii_space(char32_t c) { return in(non_ascii_spaces, c); }

bool is_mapped_to_nothing(char32_t c) { return in(mapped_to_nothing, c); }

bool is_prohibited(char32_t c) { return in(prohibited, c); }

bool is_unassigned(char32_t c) { return in(unassigned, c); }

bool is_right_to_left(char32_t c) { return in(right_to_left, c); }

bool is_left_to_right(char32_t c) { return in(left_to_right, c); }

}  // namespace sluice::pg::unicode
