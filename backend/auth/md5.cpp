#include "backend/auth/md5.hpp"

#include "common/crypto/hash.hpp"

namespace sluice::pg {

// Growing would leave a copy behind.
Secret md5_input(std::string_view user, const Secret& password) {
    std::string text;
    text.reserve(password.reveal().size() + user.size());
    text += password.reveal();
    text += user;
    return Secret(std::move(text));
}

// md5(md5(password, user), salt), each as hex.
std::string md5_password(std::string_view user, const Secret& password, ByteView salt) {
    const Secret inner = md5_input(user, password);
    std::string outer = crypto::md5_hex(as_bytes(inner.reveal()));
    outer += as_text(salt);
    return "md5" + crypto::md5_hex(as_bytes(outer));
}

}  // namespace sluice::pg
