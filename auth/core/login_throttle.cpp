#include "auth/core/login_throttle.hpp"

#include <algorithm>

namespace sluice::auth {

namespace {

// The first four groups of an IPv6 address; a "::" among them ends the known part early, which
// only makes the group larger.
std::string ipv6_network(const std::string& address) {
    std::size_t end = 0;
    for (int groups = 0; groups < 4; ++groups) {
        const std::size_t colon = address.find(':', end);
        if (colon == std::string::npos) return address;
        if (colon == end && groups > 0) break;
        end = colon + 1;
    }
    return address.substr(0, end) + "/64";
}

bool is_ipv4_mapped(const std::string& address) { return address.find('.') != std::string::npos; }

}  // namespace

std::string throttle_source(const std::string& address) {
    if (address.find(':') == std::string::npos || is_ipv4_mapped(address)) return address;
    return ipv6_network(address);
}

std::optional<std::chrono::milliseconds> LoginThrottle::wait(const Counts& counts,
                                                             const std::string& key,
                                                             int most,
                                                             SteadyTime now) const {
    const auto found = counts.find(key);
    if (found == counts.end() || now >= found->second.window_end) return std::nullopt;
    if (found->second.failures < most) return std::nullopt;
    return std::chrono::ceil<std::chrono::milliseconds>(found->second.window_end - now);
}

void LoginThrottle::count(Counts& counts, const std::string& key, SteadyTime now) {
    if (counts.size() >= keys_max && !counts.contains(key)) {
        std::erase_if(counts, [&](const auto& entry) { return now >= entry.second.window_end; });
        // Still full: a flood of names. Forgetting one arbitrary entry keeps memory bounded; the
        // limit of the flood's own address still holds.
        if (counts.size() >= keys_max) counts.erase(counts.begin());
    }
    Count& entry = counts[key];
    if (now >= entry.window_end) entry = Count{0, now + limits_.window};
    ++entry.failures;
}

std::optional<std::chrono::milliseconds> LoginThrottle::admit(const std::string& email,
                                                              const std::string& address,
                                                              SteadyTime now) {
    const std::string source = throttle_source(address);
    const auto email_wait = wait(emails_, email, limits_.failures_max, now);
    const auto address_wait = wait(addresses_, source, limits_.failures_max * address_factor, now);
    if (email_wait || address_wait) {
        return std::max(email_wait.value_or(std::chrono::milliseconds(0)),
                        address_wait.value_or(std::chrono::milliseconds(0)));
    }
    count(emails_, email, now);
    count(addresses_, source, now);
    return std::nullopt;
}

void LoginThrottle::succeeded(const std::string& email, const std::string& address) {
    emails_.erase(email);
    const auto found = addresses_.find(throttle_source(address));
    if (found != addresses_.end() && --found->second.failures <= 0) addresses_.erase(found);
}

}  // namespace sluice::auth
