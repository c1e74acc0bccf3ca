#pragma once

#include <boost/asio/cancellation_state.hpp>

namespace sluice::net {

// True when the coroutine was cancelled, also if that happened while it did not wait: cancelling
// ends the wait that is pending and nothing else, so whoever begins to wait has to look here.
inline bool is_cancelled(const boost::asio::cancellation_state& state) {
    return state.cancelled() != boost::asio::cancellation_type::none;
}

}  // namespace sluice::net
