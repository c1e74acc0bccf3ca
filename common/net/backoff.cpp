#include "common/net/backoff.hpp"

#include <algorithm>
#include <cmath>

namespace sluice::net {

std::chrono::milliseconds Backoff::next(std::uint64_t random) {
    const double most = static_cast<double>(limits_.most.count());
    const double grown = static_cast<double>(limits_.first.count()) *
                         std::pow(limits_.factor, static_cast<double>(failures_));
    const double whole = std::min(grown, most);
    // Counting on after the bound is reached would only let the counter overflow.
    if (grown < most) ++failures_;
    const double fraction = static_cast<double>(random >> 11) * 0x1p-53;  // [0, 1)
    return std::chrono::milliseconds(std::llround(whole / 2 + whole / 2 * fraction));
}

}  // namespace sluice::net
