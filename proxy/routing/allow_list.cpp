#include "proxy/routing/allow_list.hpp"

#include "common/base/text.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace sluice::proxy {

namespace {

template <class Number>
std::optional<Number> parse_number(std::string_view text, unsigned most) {
    unsigned value = 0;
    const char* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, value);
    if (parsed.ec != std::errc{} || parsed.ptr != end || value > most) return std::nullopt;
    return static_cast<Number>(value);
}

// Letters, digits and what addresses hold. Keeps out folders of Unix sockets, whose servers may
// trust whoever connects, and a NUL, behind which a resolver does not look.
bool is_host_text(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_' || c == '.' || c == ':';
    });
}

// "*", "*.suffix" or a name. A colon belongs to addresses only.
bool is_name_pattern(std::string_view text) {
    if (text == "*") return true;
    if (text.starts_with("*.")) text = text.substr(2);
    return is_host_text(text) && text.find(':') == std::string_view::npos;
}

bool same_prefix(const Bytes& a, const Bytes& b, unsigned bits) {
    if (a.size() != b.size()) return false;
    for (unsigned bit = 0; bit < bits; ++bit) {
        const unsigned mask = 0x80U >> (bit % 8U);
        if ((a[bit / 8U] & mask) != (b[bit / 8U] & mask)) return false;
    }
    return true;
}

}  // namespace

Bytes parse_address(std::string_view text) {
    if (!is_host_text(text)) return {};
    const std::string name(text);
    std::array<std::uint8_t, 16> address{};
    if (inet_pton(AF_INET, name.c_str(), address.data()) == 1) {
        return {address.begin(), address.begin() + 4};
    }
    if (inet_pton(AF_INET6, name.c_str(), address.data()) != 1) return {};
    constexpr std::array<std::uint8_t, 12> mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    const bool is_mapped = std::equal(mapped.begin(), mapped.end(), address.begin());
    return {address.begin() + (is_mapped ? 12 : 0), address.end()};
}

std::optional<AllowList::Pattern> AllowList::parse_pattern(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos || colon == 0) return std::nullopt;
    std::string_view host = text.substr(0, colon);
    const std::string_view port = text.substr(colon + 1);
    if (host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);

    Pattern pattern;
    if (port != "*") {
        pattern.port = parse_number<std::uint16_t>(port, 65535);
        if (!pattern.port) return std::nullopt;
    }
    const std::size_t slash = host.find('/');
    pattern.network = parse_address(host.substr(0, slash));
    const auto address_bits = static_cast<unsigned>(pattern.network.size() * 8);
    pattern.prefix_bits = address_bits;
    if (slash != std::string_view::npos) {
        const auto bits = parse_number<unsigned>(host.substr(slash + 1), address_bits);
        if (pattern.network.empty() || !bits) return std::nullopt;
        pattern.prefix_bits = *bits;
    }
    if (pattern.network.empty() && !is_name_pattern(host)) return std::nullopt;
    pattern.name = to_lower(host);
    return pattern;
}

std::optional<AllowList> AllowList::parse(const std::vector<std::string>& patterns,
                                          std::string& first_bad) {
    AllowList list;
    for (const std::string& text : patterns) {
        auto pattern = parse_pattern(text);
        if (!pattern) {
            first_bad = text;
            return std::nullopt;
        }
        list.patterns_.push_back(std::move(*pattern));
    }
    return list;
}

bool AllowList::matches(const Pattern& pattern, const std::string& host, const Bytes& address) {
    if (pattern.name == "*") return true;
    if (!pattern.network.empty()) return same_prefix(pattern.network, address, pattern.prefix_bits);
    if (pattern.name.starts_with("*.")) {
        const std::string_view suffix = std::string_view(pattern.name).substr(1);
        return host.size() > suffix.size() && host.ends_with(suffix);
    }
    return pattern.name == host;
}

namespace {

bool in_range(const Bytes& address, std::string_view range, std::size_t dash) {
    const Bytes first = parse_address(range.substr(0, dash));
    const Bytes last = parse_address(range.substr(dash + 1));
    return first.size() == address.size() && last.size() == address.size() && first <= address &&
           address <= last;
}

bool in_network(const Bytes& address, std::string_view network) {
    const std::size_t slash = network.find('/');
    const Bytes base = parse_address(network.substr(0, slash));
    if (base.empty()) return false;
    const auto all_bits = static_cast<unsigned>(base.size() * 8);
    if (slash == std::string_view::npos) return same_prefix(base, address, all_bits);
    const auto bits = parse_number<unsigned>(network.substr(slash + 1), all_bits);
    return bits && same_prefix(base, address, *bits);
}

}  // namespace

bool address_is_listed(const std::vector<std::string>& list, std::string_view address) {
    const Bytes bytes = parse_address(address);
    if (bytes.empty()) return false;
    return std::any_of(list.begin(), list.end(), [&](const std::string& entry) {
        const std::size_t dash = entry.find('-');
        return dash == std::string::npos ? in_network(bytes, entry) : in_range(bytes, entry, dash);
    });
}

bool AllowList::allows(std::string_view host, std::uint16_t port) const {
    if (!is_host_text(host)) return false;
    const std::string name = to_lower(host);
    const Bytes address = parse_address(host);
    return std::any_of(patterns_.begin(), patterns_.end(), [&](const Pattern& pattern) {
        return (!pattern.port || *pattern.port == port) && matches(pattern, name, address);
    });
}

}  // namespace sluice::proxy
