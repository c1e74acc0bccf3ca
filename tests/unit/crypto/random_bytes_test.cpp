#include "common/crypto/random_bytes.hpp"

#include <gtest/gtest.h>

#include <set>

namespace sluice::crypto {
namespace {

TEST(Random, GivesAsManyBytesAsAskedFor) {
    initialise();
    EXPECT_EQ(random_bytes(0).size(), 0U);
    EXPECT_EQ(random_bytes(33).size(), 33U);
    EXPECT_NE(random_bytes(16), random_bytes(16));
    EXPECT_NE(random_u64(), random_u64());
}

TEST(Random, IdsAreCrockfordBase32) {
    std::set<std::string> ids;
    for (int i = 0; i < 100; ++i) {
        const std::string id = random_id();
        EXPECT_EQ(id.size(), 26U);
        EXPECT_EQ(id.find_first_not_of("0123456789abcdefghjkmnpqrstvwxyz"), std::string::npos)
            << id;
        EXPECT_LT(id.front(), '8') << "128 bits leave three for the first digit: " << id;
        ids.insert(id);
    }
    EXPECT_EQ(ids.size(), 100U);
}

TEST(Random, PasswordsAvoidLookAlikes) {
    const std::string password = random_password(500);
    EXPECT_EQ(password.size(), 500U);
    EXPECT_EQ(password.find_first_of("0O1lI"), std::string::npos);
    EXPECT_NE(password, random_password(500));
}

}  // namespace
}  // namespace sluice::crypto
