#include "auth/core/csrf.hpp"
#include "auth/core/input_rules.hpp"
#include "auth/core/management_token.hpp"
#include "common/base/bytes.hpp"
#include "common/crypto/hash.hpp"
#include "tests/unit/auth/sample_link.hpp"
#include "tests/unit/auth/temporary_folder.hpp"

#include <gtest/gtest.h>

namespace sluice::auth {
namespace {

TEST(Csrf, TokenBelongsToOneSession) {
    EXPECT_TRUE(is_csrf_token("cookie-a", csrf_token("cookie-a")));
    EXPECT_FALSE(is_csrf_token("cookie-b", csrf_token("cookie-a")));
    EXPECT_FALSE(is_csrf_token("cookie-a", ""));
    EXPECT_FALSE(is_csrf_token("", csrf_token("")));
}

TEST(Csrf, OriginMustBeOurs) {
    struct Case {
        const char* origin;
        const char* site;
        bool accepted;
    };
    const Case cases[] = {{"https://link.example.com", "", true},
                          {"https://LINK.example.com:443", "same-origin", true},
                          {"", "", true},
                          {"null", "same-origin", true},
                          {"null", "cross-site", false},
                          {"", "same-site", false},
                          {"https://link.example.com.evil.net", "", false},
                          {"http://link.example.com", "", false},
                          {"https://link.example.com", "cross-site", false}};
    for (const Case& c : cases) {
        SCOPED_TRACE(std::string(c.origin) + " " + c.site);
        EXPECT_EQ(is_same_origin(PostSource{c.origin, c.site}, "https://link.example.com"),
                  c.accepted);
    }
}

TEST(Csrf, OriginOfAnUrl) {
    EXPECT_EQ(origin_of("http://127.0.0.1:8480/x"), "http://127.0.0.1:8480");
    EXPECT_EQ(origin_of("HTTP://Host:80"), "http://host");
    EXPECT_EQ(origin_of("ftp"), "");
}

TEST(InputRules, ATargetIsNamedAsClientsCanNameIt) {
    for (const std::string name : {"local", "Shop-1", "a.b_c", "x"}) {
        EXPECT_TRUE(check_target_name(name)) << name;
    }
    EXPECT_TRUE(check_target_name(std::string(63, 'x')));
    EXPECT_FALSE(check_target_name(std::string(64, 'x')));
    for (const std::string name : {"", "bad name!", "*", "a b", "a/b", "é", "a\n", "a=b"}) {
        EXPECT_FALSE(check_target_name(name)) << name;
    }
}

TEST(InputRules, AHostIsANameOrAnAddress) {
    for (const std::string host : {"db", "db.internal", "127.0.0.1", "fd00::1", "a_b-c.d"}) {
        EXPECT_TRUE(check_host(host)) << host;
    }
    for (const std::string host : {"", "a b", "/var/run", "db;x", "db\t", "db,other", "user@db"}) {
        EXPECT_FALSE(check_host(host)) << host;
    }
    EXPECT_FALSE(check_host(std::string(256, 'x')));
}

TEST(InputRules, NextLeadsNowhereElse) {
    const std::string link = "/s/0123456789abcdefghjkmnpqrs";
    EXPECT_EQ(safe_next(link), link);
    for (const char* evil : {"//evil.example",
                             "/\\evil.example",
                             "https://evil.example",
                             "",
                             "/s/../../evil",
                             "/s/0123456789abcdef?x",
                             "/s/0123456789abcdef\r\nX: y",
                             "javascript:alert(1)",
                             "/sign-out"}) {
        EXPECT_EQ(safe_next(evil), "/") << evil;
    }
}

TEST(InputRules, EmailsAreNormalised) {
    EXPECT_EQ(normalised_email("  Alice@Example.COM "), "alice@example.com");
    EXPECT_EQ(normalised_email("admin@localhost"), "admin@localhost");
    for (const char* bad : {"", "alice", "@x", "a@", "a@b@c", "a b@c", "a\n@c"}) {
        EXPECT_FALSE(normalised_email(bad)) << bad;
    }
    EXPECT_FALSE(normalised_email(std::string(300, 'a') + "@x"));
}

TEST(InputRules, RegistrationIsCheckedAndCompleted) {
    auto registration = test::sample_registration();
    registration.requested.database.clear();
    registration.client.application_name = std::string(255, 'a') + "\xc3\xa4";
    ASSERT_TRUE(check_registration(registration));
    EXPECT_EQ(registration.requested.database, "app");
    EXPECT_EQ(registration.client.application_name, std::string(255, 'a'));

    registration.session_id = "../../etc";
    EXPECT_FALSE(check_registration(registration));
}

TEST(ManagementToken, IsSignedForOneProxyAndShortLived) {
    const test::TemporaryFolder folder;
    ASSERT_TRUE(crypto::PrivateKey::generate(folder / "key", folder / "pub"));
    const auto key = crypto::PrivateKey::load(folder / "key");
    const auto public_key = crypto::PublicKey::load(folder / "pub");
    ASSERT_TRUE(key && public_key);

    const Secret token = management_token(*key, "local", test::noon);
    const std::string text(token.reveal());
    const std::size_t first = text.find('.');
    const std::size_t last = text.rfind('.');
    const auto signature = crypto::parse_base64url(text.substr(last + 1));
    const auto claims = crypto::parse_base64url(text.substr(first + 1, last - first - 1));
    ASSERT_TRUE(signature && claims);
    EXPECT_TRUE(public_key->verify_ed25519(as_bytes(text.substr(0, last)), *signature));
    EXPECT_EQ(as_text(*claims),
              R"({"iss":"sluice-auth","aud":"sluice-proxy:local","scope":"management",)"
              R"("iat":1770000000,"exp":1770000060})");
}

}  // namespace
}  // namespace sluice::auth
