#pragma once

#include <cstddef>

namespace sluice::pg {

// The largest bodies that a peer may send, in bytes. They are checked on the header of a message,
// before anything is allocated for it. Startup packets have a limit of their own: startup_bytes_max.
struct MessageLimits {
    std::size_t authentication_bytes_max = 64U << 10U;  // password and SASL messages
    std::size_t message_bytes_max = 1U << 20U;          // Query, Parse, Bind and all others
    std::size_t copy_bytes_max = 1U << 20U;             // CopyData
};

// How far a session is, as far as its limits go.
enum class Phase { authentication, established, copy };

constexpr std::size_t body_bytes_max(const MessageLimits& limits, Phase phase) {
    switch (phase) {
    case Phase::authentication: return limits.authentication_bytes_max;
    case Phase::established: return limits.message_bytes_max;
    case Phase::copy: return limits.copy_bytes_max;
    }
    return 0;
}

}  // namespace sluice::pg
