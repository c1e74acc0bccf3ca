#include "backend/auth/jwt.hpp"

#include "common/crypto/hash.hpp"
#include "tests/unit/backend/auth/signing_keys.hpp"

#include <gtest/gtest.h>

namespace sluice::pg {
namespace {

constexpr std::int64_t now_seconds = 1'700'000'000;
const WallTime now{std::chrono::seconds(now_seconds)};

const SigningKeys& keys() {
    static const SigningKeys made = make_signing_keys();
    return made;
}

JwtClaims good_claims() {
    JwtClaims claims;
    claims.issuer = "sluice-auth";
    claims.audience = "sluice-proxy:local";
    claims.scope = "management";
    claims.issued_at = now_seconds;
    claims.expires_at = now_seconds + 60;
    return claims;
}

JwtPolicy policy() {
    JwtPolicy wanted;
    wanted.issuer = "sluice-auth";
    wanted.audience = "sluice-proxy:local";
    wanted.scope = "management";
    return wanted;
}

Result<JwtClaims> verify(std::string_view token) {
    return verify_jwt(token, keys().verifying, policy(), now);
}

std::string sign(std::string_view header, std::string_view payload) {
    return sign_token(header, payload, keys().signing);
}

constexpr std::string_view good_header = R"({"alg":"EdDSA","typ":"JWT"})";
constexpr std::string_view good_payload =
    R"({"iss":"sluice-auth","aud":"sluice-proxy:local","scope":"management",)"
    R"("iat":1700000000,"exp":1700000060})";

TEST(Jwt, WhatIsCreatedVerifies) {
    const std::string token = create_jwt(good_claims(), keys().signing);
    EXPECT_TRUE(token.starts_with("eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCJ9."));
    const auto claims = verify(token);
    ASSERT_TRUE(claims) << claims.error().detail;
    EXPECT_EQ(claims->issuer, "sluice-auth");
    EXPECT_EQ(claims->scope, "management");
    EXPECT_EQ(claims->expires_at, now_seconds + 60);
}

TEST(Jwt, EveryChangedCharacterIsRefused) {
    const std::string token = create_jwt(good_claims(), keys().signing);
    for (std::size_t i = 0; i < token.size(); ++i) {
        std::string changed = token;
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        EXPECT_FALSE(verify(changed)) << i;
    }
}

TEST(Jwt, EveryTruncationIsRefused) {
    const std::string token = create_jwt(good_claims(), keys().signing);
    for (std::size_t length = 0; length < token.size(); ++length) {
        EXPECT_FALSE(verify(std::string_view(token).substr(0, length))) << length;
    }
}

TEST(Jwt, AnotherKeyIsRefused) {
    const SigningKeys other = make_signing_keys();
    EXPECT_FALSE(verify(create_jwt(good_claims(), other.signing)));
}

TEST(Jwt, OnlyEdDsaIsSpoken) {
    for (const std::string_view header : {R"({"alg":"none","typ":"JWT"})",
                                          R"({"alg":"HS256","typ":"JWT"})",
                                          R"({"alg":"eddsa","typ":"JWT"})",
                                          R"({"alg":["EdDSA"]})",
                                          R"({"typ":"JWT"})",
                                          R"({"alg":"EdDSA","typ":"JOSE"})",
                                          R"({"alg":"EdDSA","crit":["x"]})",
                                          R"("EdDSA")",
                                          "{",
                                          ""}) {
        EXPECT_FALSE(verify(sign(header, good_payload))) << header;
    }
    const std::string unsigned_token = crypto::to_base64url(as_bytes(R"({"alg":"none"})")) + "." +
                                       crypto::to_base64url(as_bytes(good_payload)) + ".";
    EXPECT_FALSE(verify(unsigned_token));
    EXPECT_TRUE(verify(sign(good_header, good_payload)));
    EXPECT_TRUE(verify(sign(R"({"alg":"EdDSA"})", good_payload)));
}

// The good payload with one piece exchanged.
std::string payload_with(std::string_view piece, std::string_view other) {
    std::string payload(good_payload);
    return payload.replace(payload.find(piece), piece.size(), other);
}

TEST(Jwt, ClaimsMustBeTheOnesThatAreWanted) {
    constexpr std::string_view iss = R"("iss":"sluice-auth")";
    constexpr std::string_view aud = R"("aud":"sluice-proxy:local")";
    constexpr std::string_view scope = R"("scope":"management")";
    constexpr std::string_view iat = R"("iat":1700000000)";
    constexpr std::string_view exp = R"("exp":1700000060)";
    struct Case {
        const char* name;
        std::string payload;
        bool good;
    };
    const Case cases[] = {
        {"audiences", payload_with(aud, R"("aud":["x","sluice-proxy:local"])"), true},
        {"scopes", payload_with(scope, R"("scope":"a management b")"), true},
        {"fractions", payload_with(exp, R"("exp":1700000059.5)"), true},
        {"no issuer", payload_with(iss, R"("x":1)"), false},
        {"other issuer", payload_with(iss, R"("iss":"sluice")"), false},
        {"no audience", payload_with(aud, R"("x":1)"), false},
        {"other audience", payload_with(aud, R"("aud":"sluice-proxy:other")"), false},
        {"other audiences", payload_with(aud, R"("aud":["sluice-proxy:other",1])"), false},
        {"no scope", payload_with(scope, R"("x":1)"), false},
        {"part of a word", payload_with(scope, R"("scope":"management2 man")"), false},
        {"no exp", payload_with(exp, R"("x":1)"), false},
        {"no iat", payload_with(iat, R"("x":1)"), false},
        {"exp as text", payload_with(exp, R"("exp":"1700000060")"), false},
        {"exp beyond numbers", payload_with(exp, R"("exp":1e300)"), false},
        {"largest exp", payload_with(exp, R"("exp":9223372036854775807)"), false},
        {"smallest iat", payload_with(iat, R"("iat":-9223372036854775808)"), false},
        {"not before later", payload_with(iat, R"("iat":1700000000,"nbf":1700000040)"), false},
        {"not before earlier", payload_with(iat, R"("iat":1700000000,"nbf":1.7e9)"), true},
        {"not before as text", payload_with(iat, R"("iat":1700000000,"nbf":"1800000000")"), false},
        {"not before nothing", payload_with(iat, R"("iat":1700000000,"nbf":null)"), false},
        {"not before beyond numbers", payload_with(iat, R"("iat":1700000000,"nbf":1e300)"), false},
        {"a list", "[]", false},
        {"no JSON", "x", false},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(test.name);
        EXPECT_EQ(verify(sign(good_header, test.payload)).has_value(), test.good);
    }
}

TEST(Jwt, TimesHaveALeewayOfThirtySeconds) {
    struct Case {
        const char* name;
        std::int64_t issued_at;
        std::int64_t expires_at;
        bool good;
    };
    const Case cases[] = {
        {"from a clock ahead", 30, 90, true},
        {"from the future", 31, 91, false},
        {"just expired", -60, -29, true},
        {"expired", -60, -30, false},
        {"longest life", 0, 60, true},
        {"made for too long", 0, 61, false},
        {"ends before it begins", 10, 5, false},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(test.name);
        JwtClaims claims = good_claims();
        claims.issued_at = now_seconds + test.issued_at;
        claims.expires_at = now_seconds + test.expires_at;
        EXPECT_EQ(verify(create_jwt(claims, keys().signing)).has_value(), test.good);
    }
}

TEST(Jwt, LongTokensAreNotLookedAt) { EXPECT_FALSE(verify(std::string(jwt_bytes_max + 1, 'a'))); }

}  // namespace
}  // namespace sluice::pg
