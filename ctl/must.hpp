#pragma once

#include "common/base/result.hpp"
#include "common/base/startup_error.hpp"

#include <utility>

namespace sluice::ctl {

// For what a command cannot go on without: the value, or StartupError with the reason.
template <class T>
T must(Result<T> result) {
    if (!result) throw StartupError(result.error().message());
    return std::move(*result);
}

}  // namespace sluice::ctl
