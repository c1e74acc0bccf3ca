#include "backend/auth/scram_secret.hpp"

#include <gtest/gtest.h>

namespace sluice::pg {
namespace {

// create role app password 'secret', in PostgreSQL 15.
constexpr std::string_view of_15 =
    "SCRAM-SHA-256$4096:bXvlUKc+CrN+1+5am29kjg==$HV+CPGqW2lPc6i7GtydsWnEZIMOsDYV6h62qlUIcasQ=:"
    "ICa/bZ+Exf1XJYKgYn8Fc7Sdo2dC/yVi2ATD7bJ5yv8=";
// The same in PostgreSQL 18, and with set scram_iterations = 10000 and a password beyond ASCII.
constexpr std::string_view of_18 =
    "SCRAM-SHA-256$4096:93yC19q59QSME2wUjwbaXQ==$ZBKoN+7s5K2Mi9IiDrdwcz0F27Nxt/e6T8NHQM/E0YA=:"
    "+mNngKqF4VThIjyXXzF+tXBqa/1EWLyDq4O4GxQISDo=";
constexpr std::string_view of_18_latin =
    "SCRAM-SHA-256$10000:O/c8LjhGrCsZGSS5PofjuQ==$DnGwFxhBCP8lcz4+Md66wOuWQmJrZg1fjRsvDXD8jd0=:"
    "z+QRE7wP17QKFbfX073i0GJSFnSEsD4IRvUGbUGHPyo=";

TEST(ScramSecret, ReadsWhatPostgresqlWrote) {
    struct Case {
        const char* name;
        std::string_view text;
        const char* password;
        std::uint32_t iterations;
    };
    const Case cases[] = {
        {"15", of_15, "secret", 4096},
        {"18", of_18, "secret", 4096},
        {"18, more iterations, SASLprep", of_18_latin, "p\u00e4ssw\u00f6rd", 10'000},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(test.name);
        const auto secret = parse_scram_secret(test.text);
        ASSERT_TRUE(secret);
        EXPECT_EQ(secret->iterations, test.iterations);
        EXPECT_EQ(secret->salt.size(), scram_salt_bytes);
        EXPECT_EQ(to_string(*secret), test.text);
        const ScramSecret made =
            make_scram_secret(Secret(test.password), secret->salt, secret->iterations);
        EXPECT_EQ(to_string(made), test.text);
    }
}

// The first secret with one piece exchanged.
std::string secret_with(std::string_view piece, std::string_view other) {
    std::string text(of_15);
    return text.replace(text.find(piece), piece.size(), other);
}

TEST(ScramSecret, RefusesMalformedSecrets) {
    struct Case {
        const char* name;
        std::string text;
    };
    const Case cases[] = {
        {"empty", ""},
        {"a plain password", "secret"},
        {"an MD5 secret", "md57cb133e596658708079ed4cfaaf64462"},
        {"another scheme", secret_with("SHA-256$", "SHA-512$")},
        {"lower case", secret_with("SCRAM", "scram")},
        {"no iterations", secret_with("4096", "")},
        {"0 iterations", secret_with("4096", "0")},
        {"negative", secret_with("4096", "-1")},
        {"no number", secret_with("4096", "4096x")},
        {"more than we would do", secret_with("4096", "1000001")},
        {"beyond 32 bits", secret_with("4096", "4294967297")},
        {"no salt", secret_with("bXvlUKc+CrN+1+5am29kjg==", "")},
        {"salt without padding", secret_with("jg==", "jg")},
        {"salt is no base64", secret_with("bXvl", "b!vl")},
        {"short StoredKey", secret_with("HV+C", "")},
        {"long StoredKey", secret_with("HV+C", "HV+CHV+C")},
        {"short ServerKey", secret_with("ICa/", "")},
        {"no ServerKey", secret_with(":ICa/bZ+Exf1XJYKgYn8Fc7Sdo2dC/yVi2ATD7bJ5yv8=", "")},
        {"text behind it", std::string(of_15) + " "},
        {"text in front of it", " " + std::string(of_15)},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(test.name);
        EXPECT_FALSE(parse_scram_secret(test.text));
    }
    EXPECT_TRUE(parse_scram_secret(of_15));
}

TEST(ScramSecret, AMockIsStableAndDependsOnKeyAndRole) {
    const auto key = as_bytes("0123456789abcdef");
    const ScramSecret mock = mock_scram_secret(key, "app");
    EXPECT_EQ(mock.salt.size(), scram_salt_bytes);
    EXPECT_EQ(mock.iterations, 4096U);
    EXPECT_EQ(mock_scram_secret(key, "app").salt, mock.salt);
    EXPECT_NE(mock_scram_secret(key, "apq").salt, mock.salt);
    EXPECT_NE(mock_scram_secret(as_bytes("0123456789abcdeF"), "app").salt, mock.salt);
    EXPECT_EQ(mock_scram_secret(key, "app", 10'000).iterations, 10'000U);
}

}  // namespace
}  // namespace sluice::pg
