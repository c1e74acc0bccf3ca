#pragma once

#include "common/base/startup_error.hpp"

namespace sluice::ctl {

// The command was called in a way that cannot work, which only shows while it runs: exit status 2.
class UsageError : public StartupError {
public:
    using StartupError::StartupError;
};

}  // namespace sluice::ctl
