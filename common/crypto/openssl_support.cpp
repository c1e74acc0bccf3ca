#include "common/crypto/openssl_support.hpp"

#include <openssl/err.h>

#include <array>

namespace sluice::crypto {

Error openssl_error(ErrorKind kind, const std::string& detail) {
    const unsigned long code = ERR_get_error();
    ERR_clear_error();
    const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
    return Error(kind, reason == nullptr ? detail : detail + ": " + reason);
}

BioHandle memory_bio(std::string_view text) {
    return BioHandle(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

BioHandle memory_bio() { return BioHandle(BIO_new(BIO_s_mem())); }

std::string written_text(BIO* bio) {
    std::string text;
    std::array<char, 1024> piece{};
    for (;;) {
        const int count = BIO_read(bio, piece.data(), static_cast<int>(piece.size()));
        if (count <= 0) return text;
        text.append(piece.data(), static_cast<std::size_t>(count));
    }
}

}  // namespace sluice::crypto
