#include "backend/auth/token_scope.hpp"

#include "backend/auth/signed_token.hpp"
#include "common/base/hex.hpp"

#include <boost/json.hpp>

#include <utility>

namespace sluice::pg {

namespace {

namespace json = boost::json;

// With "-" after the 8th, 12th, 16th and 20th digit, or without any.
bool is_uuid(std::string_view text) {
    if (text.size() == 32) return parse_hex(text).has_value();
    if (text.size() != 36) return false;
    std::string digits(text);
    for (const std::size_t at : {23U, 18U, 13U, 8U}) {
        if (digits[at] != '-') return false;
        digits.erase(at, 1);
    }
    return parse_hex(digits).has_value();
}

// False for what is there, but is no text. Null is as good as absent.
bool read_text(const json::object& payload,
               std::string_view name,
               std::optional<std::string>& text) {
    const json::value* value = payload.if_contains(name);
    if (value == nullptr || value->is_null()) return true;
    text = find_text(payload, name);
    return text.has_value();
}

std::optional<Error> read_tenant(const json::object& payload, TenantToken& token) {
    std::optional<std::string> text;
    if (!read_text(payload, "tenant_id", text)) return token_refused("malformed tenant_id");
    if (text) {
        token.tenant_id = TenantId::parse(*text);
        if (!token.tenant_id) return token_refused("malformed tenant_id");
    }
    if (token.scope == TokenScope::tenant && !token.tenant_id) {
        return token_refused("scope tenant without tenant_id");
    }
    return std::nullopt;
}

std::optional<Error> read_endpoint(const json::object& payload, TenantToken& token) {
    std::optional<std::string> text;
    if (!read_text(payload, "endpoint_id", text)) return token_refused("malformed endpoint_id");
    // The control plane writes "" for none.
    if (!text || text->empty()) return std::nullopt;
    if (!is_uuid(*text)) return token_refused("malformed endpoint_id");
    token.endpoint_id = std::move(*text);
    return std::nullopt;
}

std::optional<Error> check_expiry(const json::object& payload, WallTime now) {
    if (payload.if_contains("exp") == nullptr) return std::nullopt;
    const auto expires_at = find_time(payload, "exp");
    if (!expires_at) return token_refused("malformed exp");
    const std::int64_t seconds =
        std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
    if (*expires_at < seconds - token_leeway.count()) return token_refused("expired");
    return std::nullopt;
}

}  // namespace

std::optional<TokenScope> parse_token_scope(std::string_view word) {
    constexpr std::pair<std::string_view, TokenScope> words[] = {
        {"tenant", TokenScope::tenant},
        {"tenantendpoint", TokenScope::tenant_endpoint},
        {"pageserverapi", TokenScope::pageserver_api},
        {"safekeeperdata", TokenScope::safekeeper_data},
        {"generations_api", TokenScope::generations_api},
        {"admin", TokenScope::admin},
        {"infra", TokenScope::infra},
        {"scrubber", TokenScope::scrubber},
        {"controller_peer", TokenScope::controller_peer},
    };
    for (const auto& [name, scope] : words) {
        if (name == word) return scope;
    }
    return std::nullopt;
}

Result<TenantToken> verify_tenant_token(std::string_view token,
                                        std::span<const crypto::PublicKey> keys,
                                        WallTime now) {
    const auto payload = open_token(token, keys);
    if (!payload) return payload.error();
    if (auto error = check_expiry(*payload, now)) return std::move(*error);
    // Made for somebody who looks at it; we have no name to compare it with.
    if (payload->if_contains("aud") != nullptr) return token_refused("for an audience");
    const auto scope = parse_token_scope(find_text(*payload, "scope").value_or(""));
    if (!scope) return token_refused("without a known scope");
    TenantToken claims;
    claims.scope = *scope;
    if (auto error = read_tenant(*payload, claims)) return std::move(*error);
    if (auto error = read_endpoint(*payload, claims)) return std::move(*error);
    return claims;
}

bool allows_tenant(const TenantToken& token, const TenantId& tenant) {
    if (token.scope == TokenScope::tenant) return token.tenant_id == tenant;
    return token.scope == TokenScope::safekeeper_data;
}

bool allows_management(const TenantToken& token) {
    return token.scope == TokenScope::safekeeper_data;
}

}  // namespace sluice::pg
