#pragma once

#include "common/base/bytes.hpp"
#include "common/base/result.hpp"
#include "common/base/secret.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

namespace sluice::crypto {

// Authenticated encryption of secrets at rest (XSalsa20-Poly1305, libsodium secretbox) with a key
// from a file of 64 hex digits.
class SecretBox {
public:
    static Result<SecretBox> load(const std::filesystem::path& key_file);
    // nonce || ciphertext, as base64.
    std::string seal(const Secret& plain) const;
    // Fails (kind storage) when the key is another one or the text was changed.
    Result<Secret> open(std::string_view sealed) const;

private:
    explicit SecretBox(Secret key) : key_(std::move(key)) {}

    Secret key_;
};

}  // namespace sluice::crypto
