#include "common/crypto/secret_box.hpp"

#include "common/base/hex.hpp"
#include "common/crypto/hash.hpp"
#include "common/crypto/key_file.hpp"
#include "common/crypto/random_bytes.hpp"

#include <sodium.h>

namespace sluice::crypto {

namespace {

constexpr std::size_t nonce_size = crypto_secretbox_NONCEBYTES;
constexpr std::size_t overhead = nonce_size + crypto_secretbox_MACBYTES;

std::string_view without_trailing_space(std::string_view text) {
    return text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
}

}  // namespace

Result<SecretBox> SecretBox::load(const std::filesystem::path& key_file) {
    const auto content = read_key_file(key_file);
    if (!content) return content.error();
    const auto key = parse_hex(without_trailing_space(content->reveal()));
    if (!key || key->size() != crypto_secretbox_KEYBYTES) {
        return Error(ErrorKind::storage, key_file.string() + ": expected a key of 64 hex digits");
    }
    return SecretBox(Secret(std::string(as_text(*key))));
}

std::string SecretBox::seal(const Secret& plain) const {
    const ByteView message = as_bytes(plain.reveal());
    Bytes sealed = random_bytes(nonce_size);
    sealed.resize(overhead + message.size());
    crypto_secretbox_easy(sealed.data() + nonce_size,
                          message.data(),
                          message.size(),
                          sealed.data(),
                          as_bytes(key_.reveal()).data());
    return to_base64(sealed);
}

Result<Secret> SecretBox::open(std::string_view sealed) const {
    const auto bytes = parse_base64(sealed);
    if (!bytes || bytes->size() < overhead) {
        return Error(ErrorKind::storage, "sealed secret is malformed");
    }
    std::string plain(bytes->size() - overhead, '\0');
    const int failed = crypto_secretbox_open_easy(reinterpret_cast<unsigned char*>(plain.data()),
                                                  bytes->data() + nonce_size,
                                                  bytes->size() - nonce_size,
                                                  bytes->data(),
                                                  as_bytes(key_.reveal()).data());
    if (failed != 0) {
        return Error(ErrorKind::storage, "secret was sealed with another key, or was changed");
    }
    return Secret(std::move(plain));
}

}  // namespace sluice::crypto
