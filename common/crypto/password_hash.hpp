#pragma once

#include "common/base/secret.hpp"

#include <string>

namespace sluice::crypto {

// Argon2id with libsodium's interactive limits. Both take tens of milliseconds and 64 MiB: run them
// on a blocking pool.
std::string hash_password(const Secret& password);
bool verify_password(const std::string& hash, const Secret& password);

}  // namespace sluice::crypto
