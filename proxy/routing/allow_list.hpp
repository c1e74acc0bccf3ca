#pragma once

#include "common/base/bytes.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::proxy {

// Which hosts the proxy may connect to on the word of somebody else. A pattern is "host:port":
//   host  an exact name or address, "*.example.com" (any name below), a network "10.0.0.0/8" or
//         "[fd00::/8]" (matches literal addresses only, never names), or "*"
//   port  a number or "*"
// Folders of Unix sockets are no hosts: they match nothing.
class AllowList {
public:
    // nullopt when the text is not such a pattern.
    static std::optional<AllowList> parse(const std::vector<std::string>& patterns,
                                          std::string& first_bad);
    bool allows(std::string_view host, std::uint16_t port) const;

private:
    struct Pattern {
        std::string name;  // lower case; "*", "*.suffix" or exact
        Bytes network;     // 4 or 16 bytes when it is a network
        unsigned prefix_bits = 0;
        std::optional<std::uint16_t> port;  // none: any
    };
    static std::optional<Pattern> parse_pattern(std::string_view text);
    static bool matches(const Pattern& pattern, const std::string& host, const Bytes& address);

    std::vector<Pattern> patterns_;
};

// A literal IPv4 or IPv6 address as 4 or 16 bytes; IPv4-mapped IPv6 becomes 4. Empty for names.
Bytes parse_address(std::string_view text);

// Whether an address is in a list of addresses, networks "10.0.0.0/8" and ranges "10.1.0.1-10.1.0.9".
// Anything else in the list matches nothing.
bool address_is_listed(const std::vector<std::string>& list, std::string_view address);

}  // namespace sluice::proxy
