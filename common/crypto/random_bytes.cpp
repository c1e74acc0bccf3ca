#include "common/crypto/random_bytes.hpp"

#include "common/base/startup_error.hpp"

#include <sodium.h>

#include <string_view>

namespace sluice::crypto {

namespace {

constexpr std::string_view crockford_digits = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr std::string_view password_letters =
    "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";

// Five bits a digit, the first digit holds the bits that are left over at the top.
std::string to_base32(ByteView bytes) {
    const std::size_t digits = (bytes.size() * 8 + 4) / 5;
    std::string text;
    std::uint32_t window = 0;
    std::size_t bits = digits * 5 - bytes.size() * 8;
    for (const std::uint8_t byte : bytes) {
        window = (window << 8U) | byte;
        bits += 8;
        while (bits >= 5) {
            bits -= 5;
            text += crockford_digits[(window >> bits) & 31U];
        }
    }
    return text;
}

}  // namespace

void initialise() {
    if (sodium_init() < 0) throw StartupError("libsodium cannot be initialised");
}

Bytes random_bytes(std::size_t count) {
    Bytes bytes(count);
    if (count > 0) randombytes_buf(bytes.data(), bytes.size());
    return bytes;
}

std::uint64_t random_u64() {
    std::uint64_t value = 0;
    randombytes_buf(&value, sizeof value);
    return value;
}

std::string random_id() { return to_base32(random_bytes(16)); }

std::string random_password(std::size_t length) {
    std::string password;
    const auto letters = static_cast<std::uint32_t>(password_letters.size());
    while (password.size() < length) password += password_letters[randombytes_uniform(letters)];
    return password;
}

}  // namespace sluice::crypto
