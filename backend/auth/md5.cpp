#include "backend/auth/md5.hpp"

#include "common/crypto/hash.hpp"

namespace sluice::pg {

// md5(md5(password, user), salt), each as hex.
std::string md5_password(std::string_view user, const Secret& password, ByteView salt) {
    std::string inner(password.reveal());
    inner += user;
    const Secret plain(std::move(inner));
    std::string outer = crypto::md5_hex(as_bytes(plain.reveal()));
    outer += as_text(salt);
    return "md5" + crypto::md5_hex(as_bytes(outer));
}

}  // namespace sluice::pg
