#include "backend/auth/jwt.hpp"

#include "backend/auth/token_scope.hpp"
#include "common/base/assert.hpp"
#include "common/crypto/hash.hpp"
#include "tests/fuzz/lines.hpp"
#include "tests/fuzz/target.hpp"

#include <unistd.h>

#include <filesystem>

namespace sluice::fuzz {

namespace {

struct Keys {
    crypto::PrivateKey signing;
    crypto::PublicKey verifying;
};

Keys make_keys() {
    const auto folder =
        std::filesystem::temp_directory_path() / ("sluice_fuzz_jwt_" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder);
    SLUICE_ASSERT(crypto::PrivateKey::generate(folder / "key", folder / "pub"));
    Keys keys{*crypto::PrivateKey::load(folder / "key"), *crypto::PublicKey::load(folder / "pub")};
    std::filesystem::remove_all(folder);
    return keys;
}

const Keys& keys() {
    static const Keys made = make_keys();
    return made;
}

const WallTime now{std::chrono::seconds(1'700'000'000)};

// sluice's own.
bool verify_ours(std::string_view token) {
    pg::JwtPolicy policy;
    policy.issuer = "sluice-auth";
    policy.audience = "sluice-proxy:local";
    policy.scope = "management";
    return pg::verify_jwt(token, keys().verifying, policy, now).has_value();
}

// Those of storage services.
bool verify_storage(std::string_view token) {
    const auto verified = pg::verify_tenant_token(token, std::span(&keys().verifying, 1), now);
    if (!verified) return false;
    if (verified->scope == pg::TokenScope::tenant) {
        SLUICE_ASSERT(verified->tenant_id && pg::allows_tenant(*verified, *verified->tenant_id));
        SLUICE_ASSERT(!pg::allows_management(*verified));
    }
    return true;
}

std::string sign(std::string_view header, std::string_view payload) {
    std::string token =
        crypto::to_base64url(as_bytes(header)) + "." + crypto::to_base64url(as_bytes(payload));
    return token + "." + crypto::to_base64url(keys().signing.sign_ed25519(as_bytes(token)));
}

}  // namespace

// The first line is the header and the rest the payload of a token that we sign, so that the claims
// are reached; without our signature the same bytes are a token that nobody signed.
void try_input(ByteView input) {
    SLUICE_ASSERT(!verify_ours(as_text(input)) && !verify_storage(as_text(input)));
    std::string_view payload = as_text(input);
    const std::string_view header = take_line(payload);
    const std::string token = sign(header, payload);
    const bool ours = verify_ours(token);
    SLUICE_ASSERT(!(ours && verify_storage(token)));  // it names an audience
}

}  // namespace sluice::fuzz
