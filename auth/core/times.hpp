#pragma once

#include "common/base/time.hpp"

#include <cstdint>
#include <string>

namespace sluice::auth {

// "2026-03-01T12:00:00Z"; what the API and the pages show.
std::string iso_time(WallTime time);
// "2026-03-01 12:00 UTC"; for people.
std::string readable_time(WallTime time);

// Milliseconds since 1970: what the database holds.
std::int64_t to_unix_ms(WallTime time);
WallTime from_unix_ms(std::int64_t ms);

// "1:59"; negative times are "0:00".
std::string minutes_and_seconds(std::chrono::seconds left);
// "12 minutes", "40 seconds"; rounded up.
std::string rough_duration(std::chrono::milliseconds duration);

}  // namespace sluice::auth
