#include "backend/auth/scram_secret.hpp"

#include "backend/auth/saslprep.hpp"

#include <algorithm>
#include <charconv>

namespace sluice::pg {

namespace {

// The text in front of the next `separator`, which is cut off as well.
std::optional<std::string_view> take_until(std::string_view& text, char separator) {
    const std::size_t end = text.find(separator);
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view part = text.substr(0, end);
    text.remove_prefix(end + 1);
    return part;
}

std::optional<std::uint32_t> parse_iterations(std::string_view text) {
    std::uint32_t value = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
    if (value == 0 || value > scram_iterations_max) return std::nullopt;
    return value;
}

std::optional<crypto::Sha256> parse_key(std::string_view base64) {
    const auto bytes = crypto::parse_base64(base64);
    crypto::Sha256 key{};
    if (!bytes || bytes->size() != key.size()) return std::nullopt;
    std::copy(bytes->begin(), bytes->end(), key.begin());
    return key;
}

}  // namespace

ScramKeys derive_scram_keys(const Secret& password, ByteView salt, std::uint32_t iterations) {
    const auto salted = crypto::pbkdf2_sha256(saslprep(password), salt, iterations);
    ScramKeys keys;
    keys.client_key = crypto::hmac_sha256(salted, as_bytes("Client Key"));
    keys.stored_key = crypto::sha256(keys.client_key);
    keys.server_key = crypto::hmac_sha256(salted, as_bytes("Server Key"));
    return keys;
}

std::optional<ScramSecret> parse_scram_secret(std::string_view text) {
    const auto scheme = take_until(text, '$');
    const auto iterations = take_until(text, ':');
    const auto salt = take_until(text, '$');
    const auto stored_key = take_until(text, ':');
    if (scheme != scram_sha_256 || !iterations || !salt || !stored_key) return std::nullopt;
    const auto count = parse_iterations(*iterations);
    auto salt_bytes = crypto::parse_base64(*salt);
    const auto stored = parse_key(*stored_key);
    const auto server = parse_key(text);
    if (!count || !salt_bytes || salt_bytes->empty() || !stored || !server) return std::nullopt;
    return ScramSecret{*count, std::move(*salt_bytes), *stored, *server};
}

std::string to_string(const ScramSecret& secret) {
    std::string text(scram_sha_256);
    text += '$' + std::to_string(secret.iterations) + ':' + crypto::to_base64(secret.salt);
    text += '$' + crypto::to_base64(secret.stored_key) + ':' + crypto::to_base64(secret.server_key);
    return text;
}

ScramSecret make_scram_secret(const Secret& password, Bytes salt, std::uint32_t iterations) {
    const ScramKeys keys = derive_scram_keys(password, salt, iterations);
    return ScramSecret{iterations, std::move(salt), keys.stored_key, keys.server_key};
}

ScramSecret mock_scram_secret(ByteView key, std::string_view role, std::uint32_t iterations) {
    const auto hash = crypto::keyed_hash(key, as_bytes(role));
    ScramSecret mock;
    mock.iterations = iterations;
    mock.salt.assign(hash.begin(), hash.begin() + scram_salt_bytes);
    return mock;
}

}  // namespace sluice::pg
