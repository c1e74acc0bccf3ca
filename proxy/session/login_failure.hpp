#pragma once

#include "backend/protocol/error_fields.hpp"
#include "common/base/error.hpp"

#include <optional>

namespace sluice::proxy {

// Why a client was not let through: for the log, and for the client.
struct LoginFailure {
    Error error;
    std::optional<pg::ErrorFields> tell;  // none: say nothing (the client is gone, or was told)
    Bytes relay;                          // a compute's own ErrorResponse, sent instead of `tell`
};

}  // namespace sluice::proxy
