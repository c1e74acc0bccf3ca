#include "backend/auth/jwt.hpp"

#include "backend/auth/signed_token.hpp"
#include "common/crypto/hash.hpp"

#include <boost/json.hpp>

#include <optional>

namespace sluice::pg {

namespace {

namespace json = boost::json;

// "aud" is one name or a list of names.
bool names_audience(const json::object& payload, std::string_view audience) {
    const json::value* value = payload.if_contains("aud");
    if (value == nullptr) return false;
    if (value->is_string()) return std::string_view(value->get_string()) == audience;
    if (!value->is_array()) return false;
    for (const json::value& name : value->get_array()) {
        if (name.is_string() && std::string_view(name.get_string()) == audience) return true;
    }
    return false;
}

bool contains_word(std::string_view words, std::string_view word) {
    while (!words.empty()) {
        const std::size_t end = words.find(' ');
        if (words.substr(0, end) == word) return true;
        if (end == std::string_view::npos) break;
        words.remove_prefix(end + 1);
    }
    return false;
}

std::optional<Error> check_times(const json::object& payload,
                                 JwtClaims& claims,
                                 const JwtPolicy& policy,
                                 WallTime now) {
    const auto issued_at = find_time(payload, "iat");
    const auto expires_at = find_time(payload, "exp");
    if (!issued_at || !expires_at) return token_refused("without iat or exp");
    const std::int64_t seconds =
        std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
    const std::int64_t leeway = policy.leeway.count();
    const std::int64_t lifetime_max = policy.lifetime_max.count();
    const auto not_before = payload.if_contains("nbf") ? find_time(payload, "nbf") : issued_at;
    if (!not_before) return token_refused("malformed nbf");
    // Compared without subtracting: the numbers come from outside.
    if (*issued_at > seconds + leeway || *not_before > seconds + leeway) {
        return token_refused("not valid yet");
    }
    if (*expires_at <= seconds - leeway) return token_refused("expired");
    if (*expires_at < *issued_at) return token_refused("expires before it was issued");
    if (*expires_at > seconds + leeway + lifetime_max) return token_refused("valid for too long");
    if (*issued_at < *expires_at - lifetime_max) return token_refused("valid for too long");
    claims.issued_at = *issued_at;
    claims.expires_at = *expires_at;
    return std::nullopt;
}

Result<JwtClaims> check_claims(const json::object& payload, const JwtPolicy& policy, WallTime now) {
    JwtClaims claims;
    claims.issuer = find_text(payload, "iss").value_or("");
    claims.scope = find_text(payload, "scope").value_or("");
    if (claims.issuer != policy.issuer) return token_refused("another issuer");
    if (!names_audience(payload, policy.audience)) return token_refused("another audience");
    claims.audience = policy.audience;
    if (!contains_word(claims.scope, policy.scope)) return token_refused("another scope");
    if (auto error = check_times(payload, claims, policy, now)) return std::move(*error);
    return claims;
}

}  // namespace

std::string create_jwt(const JwtClaims& claims, const crypto::PrivateKey& key) {
    json::object payload;
    payload["iss"] = claims.issuer;
    payload["aud"] = claims.audience;
    payload["scope"] = claims.scope;
    payload["iat"] = claims.issued_at;
    payload["exp"] = claims.expires_at;
    std::string token = crypto::to_base64url(as_bytes(R"({"alg":"EdDSA","typ":"JWT"})"));
    token += '.';
    token += crypto::to_base64url(as_bytes(json::serialize(payload)));
    const Bytes signature = key.sign_ed25519(as_bytes(token));
    token += '.';
    token += crypto::to_base64url(signature);
    return token;
}

Result<JwtClaims> verify_jwt(std::string_view token,
                             const crypto::PublicKey& key,
                             const JwtPolicy& policy,
                             WallTime now) {
    const auto payload = open_token(token, std::span(&key, 1));
    if (!payload) return payload.error();
    return check_claims(*payload, policy, now);
}

}  // namespace sluice::pg
