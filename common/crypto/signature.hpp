#pragma once

#include "common/base/bytes.hpp"
#include "common/base/result.hpp"

#include <filesystem>
#include <memory>
#include <string_view>
#include <vector>

struct evp_pkey_st;

namespace sluice::crypto {

// An Ed25519 key from a PEM file; errors name the file. Immutable, shared between threads.
class PublicKey {
public:
    static Result<PublicKey> load(const std::filesystem::path& pem);
    // The key of one PEM file, or those of all files in a folder, in the order of their names.
    // Folders inside it are not looked into. A file that is no key is an error, and so is a folder
    // without keys: a service without keys would let nobody in.
    static Result<std::vector<PublicKey>> load_all(const std::filesystem::path& path);
    bool verify_ed25519(ByteView message, ByteView signature) const;

private:
    std::shared_ptr<evp_pkey_st> key_;
};

class PrivateKey {
public:
    static Result<PrivateKey> load(const std::filesystem::path& pem);
    Bytes sign_ed25519(ByteView message) const;
    // Makes a key pair and writes both halves as PEM, the private one with mode 0600.
    static Result<void> generate(const std::filesystem::path& private_pem,
                                 const std::filesystem::path& public_pem);

private:
    std::shared_ptr<evp_pkey_st> key_;
};

}  // namespace sluice::crypto
