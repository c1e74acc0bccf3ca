#include "common/crypto/password_hash.hpp"

#include <sodium.h>

#include <array>
#include <new>

namespace sluice::crypto {

std::string hash_password(const Secret& password) {
    std::array<char, crypto_pwhash_STRBYTES> hash{};
    const std::string_view plain = password.reveal();
    const int failed = crypto_pwhash_str(hash.data(),
                                         plain.data(),
                                         plain.size(),
                                         crypto_pwhash_OPSLIMIT_INTERACTIVE,
                                         crypto_pwhash_MEMLIMIT_INTERACTIVE);
    if (failed != 0) throw std::bad_alloc();  // the only reason that libsodium names
    return hash.data();
}

bool verify_password(const std::string& hash, const Secret& password) {
    const std::string_view plain = password.reveal();
    return crypto_pwhash_str_verify(hash.c_str(), plain.data(), plain.size()) == 0;
}

}  // namespace sluice::crypto
