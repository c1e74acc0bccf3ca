#pragma once

#include "common/base/time.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <string>

namespace sluice::auth {

// Slows down guessing of passwords: after `failures_max` failed sign-ins of one e-mail, or
// `failures_max * address_factor` from one address (IPv6: /64), within `window`, further ones are
// refused without looking at the password. An attempt counts as failed until it succeeded, so
// parallel guesses do not slip through. Kept in memory, bounded. Not thread-safe.
class LoginThrottle {
public:
    struct Limits {
        int failures_max = 5;
        std::chrono::milliseconds window{std::chrono::minutes(15)};
    };
    static constexpr int address_factor = 4;
    static constexpr std::size_t keys_max = 100'000;

    explicit LoginThrottle(const Limits& limits) : limits_(limits) {}

    // nullopt: go ahead. Otherwise how long to wait; the attempt does not count.
    std::optional<std::chrono::milliseconds> admit(const std::string& email,
                                                   const std::string& address,
                                                   SteadyTime now);
    // The attempt that admit() let through had the right password.
    void succeeded(const std::string& email, const std::string& address);

private:
    struct Count {
        int failures = 0;
        SteadyTime window_end{};
    };
    using Counts = std::map<std::string, Count>;
    std::optional<std::chrono::milliseconds> wait(const Counts& counts,
                                                  const std::string& key,
                                                  int most,
                                                  SteadyTime now) const;
    void count(Counts& counts, const std::string& key, SteadyTime now);

    Limits limits_;
    Counts emails_;
    Counts addresses_;
};

// What an address counts as: IPv4 itself, IPv6 its /64.
std::string throttle_source(const std::string& address);

}  // namespace sluice::auth
