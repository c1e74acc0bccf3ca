#include "auth/core/management_token.hpp"

#include "common/base/bytes.hpp"
#include "common/crypto/hash.hpp"

#include <boost/json.hpp>

namespace sluice::auth {

Secret management_token(const crypto::PrivateKey& key, const std::string& instance, WallTime now) {
    namespace json = boost::json;
    const auto issued_at =
        std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
    const std::string header = json::serialize(json::object{{"alg", "EdDSA"}, {"typ", "JWT"}});
    const std::string claims =
        json::serialize(json::object{{"iss", "sluice-auth"},
                                     {"aud", "sluice-proxy:" + instance},
                                     {"scope", "management"},
                                     {"iat", issued_at},
                                     {"exp", issued_at + management_token_lifetime.count()}});
    const std::string signed_part =
        crypto::to_base64url(as_bytes(header)) + "." + crypto::to_base64url(as_bytes(claims));
    const Bytes signature = key.sign_ed25519(as_bytes(signed_part));
    return Secret(signed_part + "." + crypto::to_base64url(signature));
}

}  // namespace sluice::auth
