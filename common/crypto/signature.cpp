#include "common/crypto/signature.hpp"

#include "common/base/assert.hpp"
#include "common/base/secret.hpp"
#include "common/crypto/key_file.hpp"
#include "common/crypto/openssl_support.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>

#include <algorithm>

namespace sluice::crypto {

namespace {

constexpr std::size_t signature_size = 64;

using ReadKey = EVP_PKEY* (*)(BIO*, EVP_PKEY**, pem_password_cb*, void*);

// Takes the place of OpenSSL's question on the terminal for a key's password.
int no_password(char*, int, int, void*) { return -1; }

Result<std::shared_ptr<evp_pkey_st>> load_key(const std::filesystem::path& pem,
                                              ReadKey read,
                                              const std::string& what) {
    const auto content = read_key_file(pem);
    if (!content) return content.error();
    const BioHandle bio = memory_bio(content->reveal());
    KeyHandle key(read(bio.get(), nullptr, no_password, nullptr));
    if (!key) {
        return openssl_error(ErrorKind::storage, pem.string() + ": no " + what + " in PEM");
    }
    if (EVP_PKEY_get_id(key.get()) != EVP_PKEY_ED25519) {
        return Error(ErrorKind::storage, pem.string() + ": not an Ed25519 key");
    }
    return std::shared_ptr<evp_pkey_st>(key.release(), EVP_PKEY_free);
}

// The path itself, or the files of that folder, sorted. A link counts as what it leads to: mounted
// secrets are links.
Result<std::vector<std::filesystem::path>> key_files(const std::filesystem::path& path) {
    std::error_code failure;
    if (!std::filesystem::is_directory(path, failure)) return std::vector{path};
    std::vector<std::filesystem::path> files;
    std::filesystem::directory_iterator entry(path, failure);
    while (!failure && entry != std::filesystem::directory_iterator()) {
        if (entry->is_regular_file(failure)) files.push_back(entry->path());
        if (!failure) entry.increment(failure);
    }
    if (failure) return Error(ErrorKind::storage, path.string(), failure);
    std::sort(files.begin(), files.end());
    return files;
}

}  // namespace

Result<PublicKey> PublicKey::load(const std::filesystem::path& pem) {
    auto key = load_key(pem, PEM_read_bio_PUBKEY, "public key");
    if (!key) return std::move(key).error();
    PublicKey loaded;
    loaded.key_ = std::move(*key);
    return loaded;
}

Result<std::vector<PublicKey>> PublicKey::load_all(const std::filesystem::path& path) {
    auto files = key_files(path);
    if (!files) return std::move(files).error();
    std::vector<PublicKey> keys;
    for (const auto& file : *files) {
        auto key = load(file);
        if (!key) return std::move(key).error();
        keys.push_back(std::move(*key));
    }
    if (keys.empty()) return Error(ErrorKind::storage, path.string() + ": no keys in the folder");
    return keys;
}

bool PublicKey::verify_ed25519(ByteView message, ByteView signature) const {
    if (!key_ || signature.size() != signature_size) return false;
    const DigestHandle context(EVP_MD_CTX_new());
    if (EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key_.get()) != 1)
        return false;
    return EVP_DigestVerify(
               context.get(), signature.data(), signature.size(), message.data(), message.size()) ==
           1;
}

Result<PrivateKey> PrivateKey::load(const std::filesystem::path& pem) {
    auto key = load_key(pem, PEM_read_bio_PrivateKey, "private key");
    if (!key) return std::move(key).error();
    PrivateKey loaded;
    loaded.key_ = std::move(*key);
    return loaded;
}

Bytes PrivateKey::sign_ed25519(ByteView message) const {
    SLUICE_ASSERT(key_ != nullptr);
    const DigestHandle context(EVP_MD_CTX_new());
    Bytes signature(signature_size);
    std::size_t size = signature.size();
    const bool done =
        EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.get()) == 1 &&
        EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size()) == 1;
    SLUICE_ASSERT(done && size == signature_size);
    return signature;
}

Result<void> PrivateKey::generate(const std::filesystem::path& private_pem,
                                  const std::filesystem::path& public_pem) {
    const KeyHandle key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
    const BioHandle private_bio = memory_bio();
    const BioHandle public_bio = memory_bio();
    const bool done =
        key &&
        PEM_write_bio_PKCS8PrivateKey(
            private_bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1 &&
        PEM_write_bio_PUBKEY(public_bio.get(), key.get()) == 1;
    if (!done) return openssl_error(ErrorKind::internal, "cannot make an Ed25519 key");
    const Secret text(written_text(private_bio.get()));
    auto written = write_key_file(private_pem, text.reveal(), FileAccess::owner);
    if (!written) return written;
    return write_key_file(public_pem, written_text(public_bio.get()), FileAccess::everybody);
}

}  // namespace sluice::crypto
