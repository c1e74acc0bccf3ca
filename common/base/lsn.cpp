#include "common/base/lsn.hpp"

#include <array>
#include <charconv>
#include <cstdio>

namespace sluice {

namespace {

std::optional<std::uint32_t> parse_half(std::string_view text) {
    if (text.empty() || text.size() > 8) return std::nullopt;
    std::uint32_t value = 0;
    const char* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, value, 16);
    if (parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;
    return value;
}

}  // namespace

std::optional<Lsn> Lsn::parse(std::string_view text) {
    const std::size_t slash = text.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    const auto high = parse_half(text.substr(0, slash));
    const auto low = parse_half(text.substr(slash + 1));
    if (!high || !low) return std::nullopt;
    return Lsn((std::uint64_t{*high} << 32U) | *low);
}

std::string Lsn::to_string() const {
    std::array<char, 20> text{};
    std::snprintf(text.data(),
                  text.size(),
                  "%X/%X",
                  static_cast<unsigned>(value_ >> 32U),
                  static_cast<unsigned>(value_ & 0xFFFFFFFFU));
    return text.data();
}

}  // namespace sluice
