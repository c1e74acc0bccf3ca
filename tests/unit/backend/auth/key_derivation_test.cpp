#include "backend/auth/password.hpp"
#include "tests/unit/backend/bytes.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <vector>

namespace {

std::vector<int> derivations;  // their iterations

}  // namespace

extern "C" {

int __real_PKCS5_PBKDF2_HMAC(const char* password,
                             int password_bytes,
                             const unsigned char* salt,
                             int salt_bytes,
                             int iterations,
                             const EVP_MD* digest,
                             int key_bytes,
                             unsigned char* key);

// What everybody in this program calls instead of OpenSSL's.
int __wrap_PKCS5_PBKDF2_HMAC(const char* password,
                             int password_bytes,
                             const unsigned char* salt,
                             int salt_bytes,
                             int iterations,
                             const EVP_MD* digest,
                             int key_bytes,
                             unsigned char* key) {
    derivations.push_back(iterations);
    return __real_PKCS5_PBKDF2_HMAC(
        password, password_bytes, salt, salt_bytes, iterations, digest, key_bytes, key);
}

}  // extern "C"

namespace sluice::pg {
namespace {

// What a client could measure: the work for a role with an MD5 secret is that for a role that does
// not exist, and that for one with a SCRAM secret.
TEST(KeyDerivation, EveryCleartextPasswordCostsTheSame) {
    constexpr std::uint32_t iterations = 100;
    const StoredPassword secrets[] = {
        Md5Secret{"md5" + std::string(32, '0')},
        ScramSecret{iterations, Bytes(scram_salt_bytes, 7), {}, {}},
        mock_scram_secret(as_bytes("0123456789abcdef"), "nobody", iterations),
    };
    for (const StoredPassword& stored : secrets) {
        SCOPED_TRACE(stored.index());
        derivations.clear();
        EXPECT_FALSE(verify_cleartext(stored, "app", Secret("secret"), iterations));
        EXPECT_EQ(derivations, std::vector<int>{iterations});
    }
}

}  // namespace
}  // namespace sluice::pg
