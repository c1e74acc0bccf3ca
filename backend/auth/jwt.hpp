#pragma once

#include "common/base/result.hpp"
#include "common/base/time.hpp"
#include "common/crypto/signature.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::pg {

// JSON Web Tokens signed with Ed25519 (RFC 7519, RFC 8037), compact form. No other algorithm is
// spoken: a token that names another one is refused whatever its signature.

struct JwtClaims {
    std::string issuer;
    std::string audience;
    std::string scope;            // words separated by spaces
    std::int64_t issued_at = 0;   // seconds since 1970
    std::int64_t expires_at = 0;  // seconds since 1970
};

// What a verifier demands.
struct JwtPolicy {
    std::string issuer;
    std::string audience;
    std::string scope;  // one word, which must be among the token's
    // Tokens made for longer than this are refused.
    std::chrono::seconds lifetime_max{60};
    // How far the clocks of both sides may differ.
    std::chrono::seconds leeway{30};
};

inline constexpr std::size_t jwt_bytes_max = 8192;

std::string create_jwt(const JwtClaims& claims, const crypto::PrivateKey& key);

// The claims of a token whose signature, algorithm, issuer, audience, scope and times are right.
//   errors: kind client; the detail is for our log and never holds the token
Result<JwtClaims> verify_jwt(std::string_view token,
                             const crypto::PublicKey& key,
                             const JwtPolicy& policy,
                             WallTime now);

}  // namespace sluice::pg
