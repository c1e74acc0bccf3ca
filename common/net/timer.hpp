#pragma once

#include "common/base/time.hpp"
#include "common/net/asio.hpp"

namespace sluice::net {

// Waits on the coroutine's own executor; false when cancelled before.
Awaitable<bool> sleep_until(Deadline deadline);
Awaitable<bool> sleep_for(Duration duration);

}  // namespace sluice::net
