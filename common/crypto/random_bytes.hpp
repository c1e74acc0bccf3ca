#pragma once

#include "common/base/bytes.hpp"

#include <cstdint>
#include <string>

namespace sluice::crypto {

// Call once at the start of a program, before anything else of this folder; throws StartupError.
void initialise();

// Bytes from the system's generator (libsodium).
Bytes random_bytes(std::size_t count);
std::uint64_t random_u64();

// 16 random bytes as 26 characters of Crockford's base32, lower case.
std::string random_id();
// `length` characters that are easy to read aloud and to type (no 0 O 1 l I).
std::string random_password(std::size_t length);

}  // namespace sluice::crypto
