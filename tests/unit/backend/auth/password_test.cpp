#include "backend/auth/password.hpp"

#include "tests/unit/backend/without_md5.hpp"

#include <gtest/gtest.h>

namespace sluice::pg {
namespace {

constexpr std::string_view scram_of_secret =
    "SCRAM-SHA-256$4096:bXvlUKc+CrN+1+5am29kjg==$HV+CPGqW2lPc6i7GtydsWnEZIMOsDYV6h62qlUIcasQ=:"
    "ICa/bZ+Exf1XJYKgYn8Fc7Sdo2dC/yVi2ATD7bJ5yv8=";
constexpr std::string_view scram_of_latin =
    "SCRAM-SHA-256$4096:PkMIDhvIocpcgeZ3wojtGw==$UhKWM7xhFSptL7k3+ge9URat4w88TgU1DeOfMRFMD24=:"
    "PibgzojQtD6bpkUz7NExmmXcl2e2eWHL7VZOVUBSFQM=";
// Of role "old" and the password "secret". All three come from PostgreSQL 15.
constexpr std::string_view md5_of_secret = "md57cb133e596658708079ed4cfaaf64462";

TEST(StoredPassword, IsOneOfTwoKinds) {
    const auto scram = parse_stored_password(scram_of_secret);
    ASSERT_TRUE(scram);
    EXPECT_TRUE(std::holds_alternative<ScramSecret>(*scram));
    const auto md5 = parse_stored_password(md5_of_secret);
    ASSERT_TRUE(md5);
    ASSERT_TRUE(std::holds_alternative<Md5Secret>(*md5));
    EXPECT_EQ(std::get<Md5Secret>(*md5).text, md5_of_secret);
    for (const std::string_view text : {"",
                                        "secret",
                                        "md5",
                                        "md57cb133e596658708079ed4cfaaf6446",
                                        "md57cb133e596658708079ed4cfaaf644620",
                                        "md57CB133E596658708079ED4CFAAF64462",
                                        "md5gcb133e596658708079ed4cfaaf64462",
                                        "MD57cb133e596658708079ed4cfaaf64462",
                                        "SCRAM-SHA-256$4096:x"}) {
        EXPECT_FALSE(parse_stored_password(text)) << text;
    }
}

TEST(VerifyCleartext, TakesTheRightPasswordOnly) {
    struct Case {
        const char* name;
        std::string_view stored;
        const char* role;
        const char* password;
        bool right;
    };
    const Case cases[] = {
        {"SCRAM", scram_of_secret, "app", "secret", true},
        {"SCRAM does not depend on the role", scram_of_secret, "other", "secret", true},
        {"SCRAM, wrong", scram_of_secret, "app", "Secret", false},
        {"SCRAM, empty", scram_of_secret, "app", "", false},
        {"SCRAM, composed", scram_of_latin, "app", "p\u00e4ssw\u00f6rd", true},
        {"SCRAM, decomposed", scram_of_latin, "app", "pa\u0308sswo\u0308rd", true},
        {"SCRAM, another letter", scram_of_latin, "app", "passw\u00f6rd", false},
        {"the secret itself", scram_of_secret, "app", scram_of_secret.data(), false},
        {"MD5", md5_of_secret, "old", "secret", true},
        {"MD5 depends on the role", md5_of_secret, "app", "secret", false},
        {"MD5, wrong", md5_of_secret, "old", "Secret", false},
        {"MD5, the secret itself", md5_of_secret, "old", md5_of_secret.data(), false},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(test.name);
        const auto stored = parse_stored_password(test.stored);
        ASSERT_TRUE(stored);
        EXPECT_EQ(verify_cleartext(*stored, test.role, Secret(test.password)), test.right);
    }
}

TEST(VerifyMd5, TakesTheHashOfTheSecretAndTheSalt) {
    const Md5Secret stored{std::string(md5_of_secret)};
    // select 'md5' || md5('7cb133e596658708079ed4cfaaf64462' || 'salt')
    constexpr std::string_view answer = "md5e99ddb2f9ec55efafaab82a5d6c6de19";
    EXPECT_TRUE(verify_md5(stored, as_bytes("salt"), answer));
    EXPECT_FALSE(verify_md5(stored, as_bytes("sale"), answer));
    EXPECT_FALSE(verify_md5(stored, as_bytes("salt"), answer.substr(3)));
    EXPECT_FALSE(verify_md5(stored, as_bytes("salt"), md5_of_secret));
    EXPECT_FALSE(verify_md5(stored, as_bytes("salt"), "secret"));
    EXPECT_FALSE(verify_md5(stored, as_bytes("salt"), ""));
}

TEST(Password, NothingVerifiesWhereMd5IsRefused) {
    const Md5Secret stored{std::string(md5_of_secret)};
    ASSERT_TRUE(md5_available());
    {
        const WithoutMd5 fips;
        EXPECT_FALSE(md5_available());
        // What both sides would compute from an empty hash.
        EXPECT_FALSE(verify_md5(stored, as_bytes("salt"), "md5"));
        EXPECT_FALSE(verify_cleartext(Md5Secret{"md5"}, "old", Secret("secret")));
        EXPECT_FALSE(verify_cleartext(stored, "old", Secret("secret")));
    }
    EXPECT_TRUE(md5_available());
}

}  // namespace
}  // namespace sluice::pg
