#include "common/config/host_port.hpp"

#include <algorithm>
#include <charconv>

namespace sluice::config {

namespace {

std::optional<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    const char* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, port);
    if (parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;
    return port;
}

bool is_ipv6_like(std::string_view host) {
    const auto allowed = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               c == ':' || c == '.' || c == '%';
    };
    return host.find(':') != std::string_view::npos &&
           std::all_of(host.begin(), host.end(), allowed);
}

bool is_name_or_ipv4(std::string_view host) {
    const auto allowed = [](char c) {
        return c > ' ' && c < '\x7f' && c != ':' && c != '/' && c != '[' && c != ']';
    };
    return !host.empty() && std::all_of(host.begin(), host.end(), allowed);
}

}  // namespace

std::optional<HostPort> HostPort::parse(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const auto port = parse_port(text.substr(colon + 1));
    std::string_view host = text.substr(0, colon);
    const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) host = host.substr(1, host.size() - 2);
    const bool good_host = bracketed ? is_ipv6_like(host) : is_name_or_ipv4(host);
    if (!port || !good_host) return std::nullopt;
    return HostPort{std::string(host), *port};
}

std::string HostPort::to_string() const {
    const bool bracketed = host.find(':') != std::string::npos;
    return (bracketed ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

}  // namespace sluice::config
