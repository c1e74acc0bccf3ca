#include "backend/auth/password.hpp"

#include "backend/auth/md5.hpp"
#include "common/crypto/hash.hpp"

#include <algorithm>

namespace sluice::pg {

namespace {

constexpr std::string_view md5_prefix = "md5";
constexpr std::size_t md5_secret_size = 35;

bool is_md5_secret(std::string_view text) {
    if (text.size() != md5_secret_size || !text.starts_with(md5_prefix)) return false;
    return text.find_first_not_of("0123456789abcdef", md5_prefix.size()) == std::string_view::npos;
}

// False also when there is no hash: OpenSSL refuses MD5.
bool is_md5_of(std::string_view text, std::string_view hashed) {
    const std::string hash = crypto::md5_hex(as_bytes(hashed));
    if (hash.empty()) return false;
    return crypto::equal_constant_time(as_bytes(std::string(md5_prefix) + hash), as_bytes(text));
}

bool verify(const ScramSecret& stored, const Secret& password) {
    const ScramKeys keys = derive_scram_keys(password, stored.salt, stored.iterations);
    return crypto::equal_constant_time(keys.stored_key, stored.stored_key);
}

bool verify(const Md5Secret& stored, std::string_view role, const Secret& password) {
    const Secret hashed = md5_input(role, password);
    return is_md5_of(stored.text, hashed.reveal());
}

}  // namespace

std::optional<StoredPassword> parse_stored_password(std::string_view text) {
    if (is_md5_secret(text)) return StoredPassword(Md5Secret{std::string(text)});
    auto scram = parse_scram_secret(text);
    if (!scram) return std::nullopt;
    return StoredPassword(std::move(*scram));
}

bool verify_cleartext(const StoredPassword& stored,
                      std::string_view role,
                      const Secret& password,
                      std::uint32_t iterations) {
    if (const auto* scram = std::get_if<ScramSecret>(&stored)) return verify(*scram, password);
    if (!md5_available()) return false;
    derive_scram_keys(password, Bytes(scram_salt_bytes), iterations);
    return verify(std::get<Md5Secret>(stored), role, password);
}

bool verify_md5(const Md5Secret& stored, ByteView salt, std::string_view answer) {
    return is_md5_of(answer, stored.text.substr(md5_prefix.size()) + std::string(as_text(salt)));
}

bool md5_available() { return !crypto::md5_hex(ByteView()).empty(); }

ErrorFields password_failed(std::string_view role) {
    return ErrorFields::fatal(
        sqlstate::invalid_password,
        "password authentication failed for user \"" + std::string(role) + '"');
}

}  // namespace sluice::pg
