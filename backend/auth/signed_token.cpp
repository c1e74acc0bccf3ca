#include "backend/auth/signed_token.hpp"

#include "backend/auth/jwt.hpp"
#include "common/crypto/hash.hpp"

#include <boost/json.hpp>

#include <algorithm>

namespace sluice::pg {

namespace {

namespace json = boost::json;

// header "." payload "." signature, each base64url.
struct Parts {
    std::string_view header;
    std::string_view payload;
    std::string_view signature;
    std::string_view signed_text;  // header and payload with their dot
};

std::optional<Parts> split(std::string_view token) {
    const std::size_t first = token.find('.');
    if (first == std::string_view::npos) return std::nullopt;
    const std::size_t second = token.find('.', first + 1);
    if (second == std::string_view::npos) return std::nullopt;
    if (token.find('.', second + 1) != std::string_view::npos) return std::nullopt;
    return Parts{token.substr(0, first),
                 token.substr(first + 1, second - first - 1),
                 token.substr(second + 1),
                 token.substr(0, second)};
}

std::optional<json::object> parse_object(std::string_view base64) {
    const auto bytes = crypto::parse_base64url(base64);
    if (!bytes) return std::nullopt;
    boost::system::error_code failure;
    json::value value = json::parse(as_text(*bytes), failure);
    if (failure || !value.is_object()) return std::nullopt;
    return std::move(value.as_object());
}

std::optional<Error> check_header(const json::object& header) {
    if (find_text(header, "alg") != "EdDSA") return token_refused("the algorithm is not EdDSA");
    if (header.if_contains("typ") != nullptr && find_text(header, "typ") != "JWT") {
        return token_refused("the type is not JWT");
    }
    if (header.if_contains("crit") != nullptr) return token_refused("critical extensions");
    return std::nullopt;
}

}  // namespace

Error token_refused(std::string reason) {
    return Error(ErrorKind::client, "token refused: " + std::move(reason));
}

Result<json::object> open_token(std::string_view token, std::span<const crypto::PublicKey> keys) {
    if (token.size() > jwt_bytes_max) return token_refused("too long");
    const auto parts = split(token);
    if (!parts) return token_refused("not three parts");
    const auto header = parse_object(parts->header);
    if (!header) return token_refused("malformed header");
    if (auto error = check_header(*header)) return std::move(*error);
    const auto signature = crypto::parse_base64url(parts->signature);
    if (!signature) return token_refused("malformed signature");
    const bool ours = std::any_of(keys.begin(), keys.end(), [&](const crypto::PublicKey& key) {
        return key.verify_ed25519(as_bytes(parts->signed_text), *signature);
    });
    if (!ours) return token_refused("bad signature");
    auto payload = parse_object(parts->payload);
    if (!payload) return token_refused("malformed payload");
    return std::move(*payload);
}

std::optional<std::string> find_text(const json::object& object, std::string_view name) {
    const json::value* value = object.if_contains(name);
    if (value == nullptr || !value->is_string()) return std::nullopt;
    return std::string(value->get_string());
}

std::optional<std::int64_t> find_time(const json::object& object, std::string_view name) {
    constexpr double latest = 1e15;
    const json::value* value = object.if_contains(name);
    if (value == nullptr) return std::nullopt;
    if (value->is_int64()) return value->get_int64();
    if (!value->is_double()) return std::nullopt;
    const double seconds = value->get_double();
    if (!(seconds > -latest && seconds < latest)) return std::nullopt;
    return static_cast<std::int64_t>(seconds);
}

}  // namespace sluice::pg
