#pragma once

#include <chrono>
#include <cstdint>

namespace sluice::net {

// Exponential backoff with full jitter. No clock and no randomness of its own: the caller passes
// a random number, so that tests decide.
class Backoff {
public:
    struct Limits {
        std::chrono::milliseconds first{100};
        std::chrono::milliseconds most{10'000};
        double factor = 2.0;
    };
    Backoff() : Backoff(Limits()) {}
    explicit Backoff(const Limits& limits) : limits_(limits) {}

    // The wait before the next attempt: between half and all of first * factor^failures, bounded.
    // `random` is uniformly distributed over all 64-bit numbers.
    std::chrono::milliseconds next(std::uint64_t random);
    // After success.
    void reset() { failures_ = 0; }
    unsigned failures() const { return failures_; }

private:
    Limits limits_;
    unsigned failures_ = 0;
};

}  // namespace sluice::net
