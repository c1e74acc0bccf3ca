#include "backend/auth/jwt.hpp"

#include "common/crypto/hash.hpp"

#include <boost/json.hpp>

#include <optional>

namespace sluice::pg {

namespace {

namespace json = boost::json;

Error refused(std::string reason) {
    return Error(ErrorKind::client, "token refused: " + std::move(reason));
}

// header "." payload "." signature, each base64url.
struct Parts {
    std::string_view header;
    std::string_view payload;
    std::string_view signature;
    std::string_view signed_text;  // header and payload with their dot
};

std::optional<Parts> split(std::string_view token) {
    const std::size_t first = token.find('.');
    if (first == std::string_view::npos) return std::nullopt;
    const std::size_t second = token.find('.', first + 1);
    if (second == std::string_view::npos) return std::nullopt;
    if (token.find('.', second + 1) != std::string_view::npos) return std::nullopt;
    return Parts{token.substr(0, first),
                 token.substr(first + 1, second - first - 1),
                 token.substr(second + 1),
                 token.substr(0, second)};
}

std::optional<json::object> parse_object(std::string_view base64) {
    const auto bytes = crypto::parse_base64url(base64);
    if (!bytes) return std::nullopt;
    boost::system::error_code failure;
    json::value value = json::parse(as_text(*bytes), failure);
    if (failure || !value.is_object()) return std::nullopt;
    return std::move(value.as_object());
}

std::optional<std::string> find_text(const json::object& object, std::string_view name) {
    const json::value* value = object.if_contains(name);
    if (value == nullptr || !value->is_string()) return std::nullopt;
    return std::string(value->get_string());
}

// NumericDate; a fraction is cut off.
std::optional<std::int64_t> find_time(const json::object& object, std::string_view name) {
    constexpr double latest = 1e15;
    const json::value* value = object.if_contains(name);
    if (value == nullptr) return std::nullopt;
    if (value->is_int64()) return value->get_int64();
    if (!value->is_double()) return std::nullopt;
    const double seconds = value->get_double();
    if (!(seconds > -latest && seconds < latest)) return std::nullopt;
    return static_cast<std::int64_t>(seconds);
}

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

std::optional<Error> check_header(const json::object& header) {
    if (find_text(header, "alg") != "EdDSA") return refused("the algorithm is not EdDSA");
    if (header.if_contains("typ") != nullptr && find_text(header, "typ") != "JWT") {
        return refused("the type is not JWT");
    }
    if (header.if_contains("crit") != nullptr) return refused("critical extensions");
    return std::nullopt;
}

std::optional<Error> check_times(const json::object& payload,
                                 JwtClaims& claims,
                                 const JwtPolicy& policy,
                                 WallTime now) {
    const auto issued_at = find_time(payload, "iat");
    const auto expires_at = find_time(payload, "exp");
    if (!issued_at || !expires_at) return refused("without iat or exp");
    const std::int64_t seconds =
        std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
    const std::int64_t leeway = policy.leeway.count();
    const std::int64_t lifetime_max = policy.lifetime_max.count();
    const std::int64_t not_before = find_time(payload, "nbf").value_or(*issued_at);
    // Compared without subtracting: the numbers come from outside.
    if (*issued_at > seconds + leeway || not_before > seconds + leeway) {
        return refused("not valid yet");
    }
    if (*expires_at <= seconds - leeway) return refused("expired");
    if (*expires_at < *issued_at) return refused("expires before it was issued");
    if (*expires_at > seconds + leeway + lifetime_max) return refused("valid for too long");
    if (*issued_at < *expires_at - lifetime_max) return refused("valid for too long");
    claims.issued_at = *issued_at;
    claims.expires_at = *expires_at;
    return std::nullopt;
}

Result<JwtClaims> check_claims(const json::object& payload, const JwtPolicy& policy, WallTime now) {
    JwtClaims claims;
    claims.issuer = find_text(payload, "iss").value_or("");
    claims.scope = find_text(payload, "scope").value_or("");
    if (claims.issuer != policy.issuer) return refused("another issuer");
    if (!names_audience(payload, policy.audience)) return refused("another audience");
    claims.audience = policy.audience;
    if (!contains_word(claims.scope, policy.scope)) return refused("another scope");
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
    if (token.size() > jwt_bytes_max) return refused("too long");
    const auto parts = split(token);
    if (!parts) return refused("not three parts");
    const auto header = parse_object(parts->header);
    if (!header) return refused("malformed header");
    if (auto error = check_header(*header)) return std::move(*error);
    // Nothing of the payload is looked at before the signature was found good.
    const auto signature = crypto::parse_base64url(parts->signature);
    if (!signature || !key.verify_ed25519(as_bytes(parts->signed_text), *signature)) {
        return refused("bad signature");
    }
    const auto payload = parse_object(parts->payload);
    if (!payload) return refused("malformed payload");
    return check_claims(*payload, policy, now);
}

}  // namespace sluice::pg
