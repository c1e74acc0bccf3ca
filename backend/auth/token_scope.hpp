#pragma once

#include "common/base/ids.hpp"
#include "common/base/result.hpp"
#include "common/base/time.hpp"
#include "common/crypto/signature.hpp"

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sluice::pg {

// The tokens that Neon's storage services show each other: JWTs signed with Ed25519, whose scope
// says for what they are good. Unlike sluice's own (jwt.hpp) they name neither issuer nor audience
// and need not expire.

// The words of the claim "scope" are in the comments.
enum class TokenScope {
    tenant,           // "tenant": the data of one tenant
    tenant_endpoint,  // "tenantendpoint"
    pageserver_api,   // "pageserverapi"
    safekeeper_data,  // "safekeeperdata": everything at a safekeeper
    generations_api,  // "generations_api"
    admin,            // "admin"
    infra,            // "infra"
    scrubber,         // "scrubber"
    controller_peer,  // "controller_peer"
};
std::optional<TokenScope> parse_token_scope(std::string_view word);

struct TenantToken {
    TokenScope scope = TokenScope::tenant;
    std::optional<TenantId> tenant_id;       // always there for TokenScope::tenant
    std::optional<std::string> endpoint_id;  // a UUID as it was written
};

// How far the clocks of both sides may differ.
inline constexpr std::chrono::seconds token_leeway{60};

// The claims of a token that one of the keys has signed and that has not expired. A token made for
// an audience, or with TokenScope::tenant and without tenant, is refused. "nbf" and "iat" are not
// looked at, as by Neon's services: they would be refused here only.
//   errors: kind client; the detail is for our log and never holds the token
Result<TenantToken> verify_tenant_token(std::string_view token,
                                        std::span<const crypto::PublicKey> keys,
                                        WallTime now);

// Whether the token opens this tenant's timelines at a safekeeper; asked at each query.
bool allows_tenant(const TenantToken& token, const TenantId& tenant);
// Whether it opens what concerns the safekeeper as a whole.
bool allows_management(const TenantToken& token);

}  // namespace sluice::pg
