#include "common/crypto/password_hash.hpp"

#include <gtest/gtest.h>

namespace sluice::crypto {
namespace {

TEST(PasswordHash, VerifiesOnlyThePasswordItWasMadeFrom) {
    const std::string hash = hash_password(Secret("correct horse"));
    EXPECT_TRUE(hash.starts_with("$argon2id$"));
    EXPECT_TRUE(verify_password(hash, Secret("correct horse")));
    EXPECT_FALSE(verify_password(hash, Secret("correct horsE")));
}

TEST(PasswordHash, SaltsEachHash) {
    EXPECT_NE(hash_password(Secret("same")), hash_password(Secret("same")));
}

TEST(PasswordHash, MalformedHashesVerifyNothing) {
    EXPECT_FALSE(verify_password("", Secret("")));
    EXPECT_FALSE(verify_password("$argon2id$nonsense", Secret("x")));
    EXPECT_FALSE(verify_password(std::string(1000, 'a'), Secret("x")));
}

}  // namespace
}  // namespace sluice::crypto
