#include "backend/auth/token_scope.hpp"

#include "backend/auth/jwt.hpp"
#include "common/crypto/hash.hpp"
#include "tests/unit/backend/auth/signing_keys.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace sluice::pg {
namespace {

constexpr std::int64_t now_seconds = 1'700'000'000;
const WallTime now{std::chrono::seconds(now_seconds)};
constexpr std::string_view tenant_text = "0123456789abcdef0123456789abcdef";

const SigningKeys& keys() {
    static const SigningKeys made = make_signing_keys();
    return made;
}

std::string sign(std::string_view payload,
                 const crypto::PrivateKey& key = keys().signing,
                 std::string_view header = R"({"alg":"EdDSA","typ":"JWT"})") {
    return sign_token(header, payload, key);
}

Result<TenantToken> verify(std::string_view token) {
    return verify_tenant_token(token, std::span(&keys().verifying, 1), now);
}

// Why the payload is refused; empty when it is not.
std::string refusal(std::string_view payload) {
    const auto token = verify(sign(payload));
    if (token) return "";
    EXPECT_EQ(token.error().kind, ErrorKind::client);
    return token.error().detail;
}

TEST(TokenScope, EveryWordIsKnown) {
    struct Case {
        const char* word;
        TokenScope scope;
    };
    const Case cases[] = {
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
    for (const Case& test : cases) {
        SCOPED_TRACE(test.word);
        EXPECT_EQ(parse_token_scope(test.word), test.scope);
        const auto token = verify(sign(std::string(R"({"scope":")") + test.word +
                                       R"(","tenant_id":")" + std::string(tenant_text) + "\"}"));
        ASSERT_TRUE(token);
        EXPECT_EQ(token->scope, test.scope);
    }
    for (const char* word : {"", "Tenant", "tenants", "tenant ", "safekeeper_data"}) {
        EXPECT_FALSE(parse_token_scope(word)) << word;
    }
}

TEST(TokenScope, DecidesWhatATokenOpens) {
    const TenantId ours = *TenantId::parse(tenant_text);
    const TenantId other = *TenantId::parse("ffffffffffffffffffffffffffffffff");
    struct Case {
        TokenScope scope;
        bool tenant;
        bool other_tenant;
        bool management;
    };
    const Case cases[] = {
        {TokenScope::safekeeper_data, true, true, true},
        {TokenScope::tenant, true, false, false},
        {TokenScope::tenant_endpoint, false, false, false},
        {TokenScope::pageserver_api, false, false, false},
        {TokenScope::generations_api, false, false, false},
        {TokenScope::admin, false, false, false},
        {TokenScope::infra, false, false, false},
        {TokenScope::scrubber, false, false, false},
        {TokenScope::controller_peer, false, false, false},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(static_cast<int>(test.scope));
        TenantToken token;
        token.scope = test.scope;
        token.tenant_id = ours;
        EXPECT_EQ(allows_tenant(token, ours), test.tenant);
        EXPECT_EQ(allows_tenant(token, other), test.other_tenant);
        EXPECT_EQ(allows_management(token), test.management);
    }
}

TEST(TenantToken, HoldsTheClaims) {
    const auto token =
        verify(sign(R"({"scope":"tenant","tenant_id":"0123456789abcdef0123456789abcdef",)"
                    R"("endpoint_id":"f81d4fae-7dec-11d0-a765-00a0c91e6bf6","more":[1]})"));
    ASSERT_TRUE(token) << token.error().detail;
    EXPECT_EQ(token->scope, TokenScope::tenant);
    EXPECT_EQ(token->tenant_id, TenantId::parse(tenant_text));
    EXPECT_EQ(token->endpoint_id, "f81d4fae-7dec-11d0-a765-00a0c91e6bf6");
    const auto bare = verify(sign(R"({"scope":"safekeeperdata"})"));
    ASSERT_TRUE(bare);
    EXPECT_FALSE(bare->tenant_id);
    EXPECT_FALSE(bare->endpoint_id);
}

TEST(TenantToken, ClaimsMustBeWellFormed) {
    struct Case {
        const char* payload;
        const char* refused;  // "" when it is not
    };
    const Case cases[] = {
        {R"({"scope":"infra","tenant_id":null,"endpoint_id":null})", ""},
        {R"({"scope":"infra","endpoint_id":""})", ""},
        {R"({"scope":"infra","endpoint_id":"f81d4fae7dec11d0a76500a0c91e6bf6"})", ""},
        {R"({"scope":"infra","nbf":1800000000,"iat":1800000000})", ""},
        {R"({})", "without a known scope"},
        {R"({"scope":"root"})", "without a known scope"},
        {R"({"scope":"infra admin"})", "without a known scope"},
        {R"({"scope":["infra"]})", "without a known scope"},
        {R"({"scope":"tenant"})", "scope tenant without tenant_id"},
        {R"({"scope":"tenant","tenant_id":null})", "scope tenant without tenant_id"},
        {R"({"scope":"infra","tenant_id":""})", "malformed tenant_id"},
        {R"({"scope":"infra","tenant_id":"0123"})", "malformed tenant_id"},
        {R"({"scope":"infra","tenant_id":7})", "malformed tenant_id"},
        {R"({"scope":"infra","endpoint_id":"ep-cool-sun"})", "malformed endpoint_id"},
        {R"({"scope":"infra","endpoint_id":"f81d4fae-7dec-11d0-a765-00a0c91e6bfg"})",
         "malformed endpoint_id"},
        {R"({"scope":"infra","endpoint_id":"f81d4fae07dec-11d0-a765-00a0c91e6bf6"})",
         "malformed endpoint_id"},
        {R"({"scope":"infra","endpoint_id":{}})", "malformed endpoint_id"},
        {R"({"scope":"infra","aud":"safekeeper"})", "for an audience"},
        {R"({"scope":"infra","aud":[]})", "for an audience"},
        {R"(["scope"])", "malformed payload"},
        {R"({"scope":"infra")", "malformed payload"},
        {"", "malformed payload"},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(test.payload);
        const std::string expected(test.refused);
        EXPECT_EQ(refusal(test.payload), expected.empty() ? "" : "token refused: " + expected);
    }
}

TEST(TenantToken, DeeplyNestedPayloadsAreRefused) {
    const std::string deep = R"({"scope":)" + std::string(3000, '[') + std::string(3000, ']') + "}";
    EXPECT_EQ(refusal(deep), "token refused: malformed payload");
}

TEST(TenantToken, MayExpireWithALeewayOfAMinute) {
    struct Case {
        const char* exp;
        bool good;
    };
    const Case cases[] = {
        {"1700000001", true},
        {"1699999940", true},
        {"1699999939", false},
        {"1699999940.5", true},
        {"0", false},
        {"-9223372036854775808", false},
        {"9223372036854775807", true},
        {"\"1700000001\"", false},
        {"null", false},
        {"1e300", false},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(test.exp);
        const std::string payload = std::string(R"({"scope":"infra","exp":)") + test.exp + '}';
        EXPECT_EQ(refusal(payload).empty(), test.good);
    }
}

TEST(TenantToken, AnyOfTheKeysMayHaveSigned) {
    const SigningKeys second = make_signing_keys();
    const SigningKeys stranger = make_signing_keys();
    const std::vector<crypto::PublicKey> known = {keys().verifying, second.verifying};
    constexpr std::string_view payload = R"({"scope":"infra"})";
    EXPECT_TRUE(verify_tenant_token(sign(payload), known, now));
    EXPECT_TRUE(verify_tenant_token(sign(payload, second.signing), known, now));
    const auto refused = verify_tenant_token(sign(payload, stranger.signing), known, now);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().detail, "token refused: bad signature");
    EXPECT_FALSE(verify_tenant_token(sign(payload), {}, now));
}

TEST(TenantToken, OnlyEdDsaIsSpoken) {
    constexpr std::string_view payload = R"({"scope":"infra"})";
    EXPECT_TRUE(verify(sign(payload, keys().signing, R"({"alg":"EdDSA"})")));
    EXPECT_FALSE(verify(sign(payload, keys().signing, R"({"alg":"none"})")));
    EXPECT_FALSE(verify(sign(payload, keys().signing, R"({"alg":"RS256","typ":"JWT"})")));
    EXPECT_FALSE(verify(""));
    EXPECT_FALSE(verify("a.b"));
    EXPECT_FALSE(verify("a.b.c.d"));
    EXPECT_FALSE(verify(std::string(jwt_bytes_max + 1, 'a')));
}

TEST(TenantToken, EveryChangedCharacterIsRefused) {
    const std::string token = sign(R"({"scope":"safekeeperdata"})");
    for (std::size_t i = 0; i < token.size(); ++i) {
        std::string changed = token;
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        EXPECT_FALSE(verify(changed)) << i;
    }
}

}  // namespace
}  // namespace sluice::pg
