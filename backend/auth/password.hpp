#pragma once

#include "backend/auth/scram_secret.hpp"
#include "backend/protocol/error_fields.hpp"
#include "common/base/bytes.hpp"
#include "common/base/secret.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace sluice::pg {

// "md5" and 32 lower-case hex digits: the MD5 hash of password and role name.
struct Md5Secret {
    std::string text;
};

// What a server keeps of a role's password, as in pg_authid.rolpassword.
using StoredPassword = std::variant<ScramSecret, Md5Secret>;
// nullopt for everything else, plain passwords too.
std::optional<StoredPassword> parse_stored_password(std::string_view text);

// True when `password` is the role's. Blocks for PBKDF2: a ScramSecret says of how many iterations, an
// Md5Secret costs `iterations` of a mock_scram_secret(), so that the time does not tell them apart.
bool verify_cleartext(const StoredPassword& stored,
                      std::string_view role,
                      const Secret& password,
                      std::uint32_t iterations = scram_iterations_default);
// True when `answer` is the right one to AuthenticationMD5Password with this salt.
bool verify_md5(const Md5Secret& stored, ByteView salt, std::string_view answer);
// False when OpenSSL refuses MD5 (FIPS mode): then nothing verifies against an Md5Secret.
bool md5_available();

// The one answer to a wrong password and to a role that does not exist.
ErrorFields password_failed(std::string_view role);

}  // namespace sluice::pg
