#include "common/crypto/hash.hpp"

#include "common/base/assert.hpp"
#include "common/base/hex.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <sodium.h>

namespace sluice::crypto {

namespace {

std::string encode(ByteView bytes, int variant) {
    std::string text(sodium_base64_encoded_len(bytes.size(), variant), '\0');
    sodium_bin2base64(text.data(), text.size(), bytes.data(), bytes.size(), variant);
    text.pop_back();  // libsodium counts and writes a NUL
    return text;
}

// libsodium refuses other characters, missing or extra padding, and bits set beyond the last byte.
std::optional<Bytes> decode(std::string_view text, int variant) {
    Bytes bytes(text.size() / 4 * 3 + 3);
    std::size_t size = 0;
    if (sodium_base642bin(bytes.data(),
                          bytes.size(),
                          text.data(),
                          text.size(),
                          nullptr,
                          &size,
                          nullptr,
                          variant) != 0) {
        return std::nullopt;
    }
    bytes.resize(size);
    return bytes;
}

}  // namespace

Sha256 sha256(ByteView data) {
    Sha256 digest{};
    SHA256(data.data(), data.size(), digest.data());
    return digest;
}

Sha256 hmac_sha256(ByteView key, ByteView data) {
    Sha256 digest{};
    if (key.data() == nullptr) key = as_bytes("");  // OpenSSL takes null for a call without a key
    const unsigned char* done = HMAC(EVP_sha256(),
                                     key.data(),
                                     static_cast<int>(key.size()),
                                     data.data(),
                                     data.size(),
                                     digest.data(),
                                     nullptr);
    SLUICE_ASSERT(done != nullptr);
    return digest;
}

Sha256 pbkdf2_sha256(const Secret& password, ByteView salt, std::uint32_t iterations) {
    Sha256 key{};
    const std::string_view plain = password.reveal();
    const int done = PKCS5_PBKDF2_HMAC(plain.data(),
                                       static_cast<int>(plain.size()),
                                       salt.data(),
                                       static_cast<int>(salt.size()),
                                       static_cast<int>(iterations),
                                       EVP_sha256(),
                                       static_cast<int>(key.size()),
                                       key.data());
    SLUICE_ASSERT(done == 1);
    return key;
}

std::string md5_hex(ByteView data) {
    std::array<std::uint8_t, 16> digest{};
    std::size_t size = digest.size();
    const int done =
        EVP_Q_digest(nullptr, "MD5", nullptr, data.data(), data.size(), digest.data(), &size);
    return done == 1 ? to_hex(digest) : std::string();
}

std::array<std::uint8_t, 32> keyed_hash(ByteView key, ByteView data) {
    std::array<std::uint8_t, 32> digest{};
    const int failed = crypto_generichash(
        digest.data(), digest.size(), data.data(), data.size(), key.data(), key.size());
    SLUICE_ASSERT(failed == 0);
    return digest;
}

bool equal_constant_time(ByteView a, ByteView b) {
    return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string to_base64(ByteView bytes) { return encode(bytes, sodium_base64_VARIANT_ORIGINAL); }

std::optional<Bytes> parse_base64(std::string_view text) {
    return decode(text, sodium_base64_VARIANT_ORIGINAL);
}

std::string to_base64url(ByteView bytes) {
    return encode(bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

std::optional<Bytes> parse_base64url(std::string_view text) {
    return decode(text, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

}  // namespace sluice::crypto
