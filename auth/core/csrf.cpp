#include "auth/core/csrf.hpp"

#include "common/base/bytes.hpp"
#include "common/base/text.hpp"
#include "common/crypto/hash.hpp"

namespace sluice::auth {

std::string csrf_token(std::string_view session_cookie) {
    const auto mac =
        crypto::hmac_sha256(as_bytes(session_cookie), as_bytes(std::string_view("sluice csrf 1")));
    return crypto::to_base64url(mac);
}

bool is_csrf_token(std::string_view session_cookie, std::string_view token) {
    if (session_cookie.empty()) return false;
    const std::string expected = csrf_token(session_cookie);
    return crypto::equal_constant_time(as_bytes(expected), as_bytes(token));
}

bool is_same_origin(const PostSource& source, std::string_view public_origin) {
    if (!source.sec_fetch_site.empty() && source.sec_fetch_site != "same-origin") return false;
    if (source.origin.empty() || source.origin == "null") return true;
    return origin_of(source.origin) == public_origin;
}

std::string origin_of(std::string_view url) {
    const std::size_t scheme_end = url.find("://");
    if (scheme_end == std::string_view::npos) return {};
    const std::size_t path = url.find_first_of("/?#", scheme_end + 3);
    std::string origin = to_lower(url.substr(0, path));
    for (const auto& [scheme, port] :
         {std::pair<std::string_view, std::string_view>{"http", ":80"}, {"https", ":443"}}) {
        if (origin.substr(0, scheme_end) == scheme && origin.ends_with(port)) {
            origin.resize(origin.size() - port.size());
        }
    }
    return origin;
}

}  // namespace sluice::auth
