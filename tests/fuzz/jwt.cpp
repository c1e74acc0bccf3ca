#include "backend/auth/jwt.hpp"

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

bool verify(std::string_view token) {
    pg::JwtPolicy policy;
    policy.issuer = "sluice-auth";
    policy.audience = "sluice-proxy:local";
    policy.scope = "management";
    const WallTime now{std::chrono::seconds(1'700'000'000)};
    return pg::verify_jwt(token, keys().verifying, policy, now).has_value();
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
    SLUICE_ASSERT(!verify(as_text(input)));
    std::string_view payload = as_text(input);
    const std::string_view header = take_line(payload);
    static_cast<void>(verify(sign(header, payload)));
}

}  // namespace sluice::fuzz
