#pragma once

#include "common/crypto/hash.hpp"
#include "common/crypto/signature.hpp"

#include <gtest/gtest.h>

#include <stdlib.h>

#include <filesystem>
#include <string>
#include <string_view>

namespace sluice::pg {

struct SigningKeys {
    crypto::PrivateKey signing;
    crypto::PublicKey verifying;
};

// A fresh pair of keys.
inline SigningKeys make_signing_keys() {
    auto pattern = (std::filesystem::temp_directory_path() / "sluice-keys-XXXXXX").string();
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    const std::filesystem::path folder(pattern);
    EXPECT_TRUE(crypto::PrivateKey::generate(folder / "key", folder / "pub"));
    SigningKeys keys{*crypto::PrivateKey::load(folder / "key"),
                     *crypto::PublicKey::load(folder / "pub")};
    std::filesystem::remove_all(folder);
    return keys;
}

// A JWT of any header and payload.
inline std::string sign_token(std::string_view header,
                              std::string_view payload,
                              const crypto::PrivateKey& key) {
    std::string token =
        crypto::to_base64url(as_bytes(header)) + "." + crypto::to_base64url(as_bytes(payload));
    return token + "." + crypto::to_base64url(key.sign_ed25519(as_bytes(token)));
}

}  // namespace sluice::pg
