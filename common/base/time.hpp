#pragma once

#include <chrono>

namespace sluice {

// Monotonic time: deadlines and durations.
using SteadyTime = std::chrono::steady_clock::time_point;
// Calendar time: what people and databases see.
using WallTime = std::chrono::system_clock::time_point;
using Duration = std::chrono::steady_clock::duration;

// The moment when a wait gives up.
using Deadline = SteadyTime;
inline constexpr Deadline no_deadline = Deadline::max();

}  // namespace sluice
