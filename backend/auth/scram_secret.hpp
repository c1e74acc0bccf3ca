#pragma once

#include "backend/auth/scram.hpp"
#include "common/base/bytes.hpp"
#include "common/base/secret.hpp"
#include "common/crypto/hash.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::pg {

inline constexpr std::uint32_t scram_iterations_default = 4096;
inline constexpr std::size_t scram_salt_bytes = 16;

// What SCRAM-SHA-256 derives from a password (RFC 5802, 3).
struct ScramKeys {
    crypto::Sha256 client_key{};
    crypto::Sha256 stored_key{};  // the hash of client_key
    crypto::Sha256 server_key{};
};
// Applies SASLprep to the password. Blocks for PBKDF2.
ScramKeys derive_scram_keys(const Secret& password, ByteView salt, std::uint32_t iterations);

// What a server keeps of a password: enough to verify it, not enough to log in with it.
struct ScramSecret {
    std::uint32_t iterations = scram_iterations_default;
    Bytes salt;
    crypto::Sha256 stored_key{};
    crypto::Sha256 server_key{};
};

// "SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>", the last three as base64: what
// pg_authid.rolpassword holds. nullopt for anything else, also for an empty salt and for more
// iterations than scram_iterations_max.
//   source: PostgreSQL documentation, "pg_authid"
std::optional<ScramSecret> parse_scram_secret(std::string_view text);
std::string to_string(const ScramSecret& secret);

// Blocks for PBKDF2.
ScramSecret make_scram_secret(const Secret& password,
                              Bytes salt,
                              std::uint32_t iterations = scram_iterations_default);

// Stands in for a role that does not exist. The salt depends on key and role only, so asking twice
// tells nothing; its keys are those of no password. `key` has at most 64 bytes.
ScramSecret mock_scram_secret(ByteView key,
                              std::string_view role,
                              std::uint32_t iterations = scram_iterations_default);

}  // namespace sluice::pg
