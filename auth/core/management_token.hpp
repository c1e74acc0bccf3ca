#pragma once

#include "common/base/secret.hpp"
#include "common/base/time.hpp"
#include "common/crypto/signature.hpp"

#include <chrono>
#include <string>

namespace sluice::auth {

inline constexpr std::chrono::seconds management_token_lifetime{60};

// The JWT (EdDSA, compact) with which sluice-auth proves itself at the management port of the
// proxy named `instance`.
Secret management_token(const crypto::PrivateKey& key, const std::string& instance, WallTime now);

}  // namespace sluice::auth
