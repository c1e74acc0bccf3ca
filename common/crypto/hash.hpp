#pragma once

#include "common/base/bytes.hpp"
#include "common/base/secret.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::crypto {

using Sha256 = std::array<std::uint8_t, 32>;

Sha256 sha256(ByteView data);
Sha256 hmac_sha256(ByteView key, ByteView data);
// PBKDF2-HMAC-SHA-256, the Hi() of SCRAM. Blocks for as long as the iterations take.
Sha256 pbkdf2_sha256(const Secret& password, ByteView salt, std::uint32_t iterations);
// MD5 for PostgreSQL's md5 authentication only; lower-case hex.
// Empty when OpenSSL refuses MD5 (FIPS mode).
std::string md5_hex(ByteView data);
// Keyed BLAKE2b, 32 bytes; the key has at most 64.
std::array<std::uint8_t, 32> keyed_hash(ByteView key, ByteView data);

// Equal content, in time that depends on the lengths only.
bool equal_constant_time(ByteView a, ByteView b);

std::string to_base64(ByteView bytes);
// Strict: padded, no spaces, no bits set beyond the last byte.
std::optional<Bytes> parse_base64(std::string_view text);
// The URL alphabet without padding (JWT).
std::string to_base64url(ByteView bytes);
std::optional<Bytes> parse_base64url(std::string_view text);

}  // namespace sluice::crypto
