#include "backend/auth/scram.hpp"

#include "backend/auth/scram_message.hpp"
#include "backend/auth/scram_secret.hpp"

#include <charconv>
#include <optional>

namespace sluice::pg {

namespace {

Error malformed(std::string reason) {
    return Error(ErrorKind::compute, "SCRAM: " + std::move(reason));
}

struct ServerFirst {
    std::string_view nonce;
    Bytes salt;
    std::uint32_t iterations = 0;
};

std::optional<std::uint32_t> parse_iterations(std::string_view text) {
    std::uint32_t value = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
    return value;
}

Result<ServerFirst> parse_server_first(std::string_view message) {
    const auto nonce = take_attribute(message, 'r');
    const auto salt = take_attribute(message, 's');
    const auto iterations = take_attribute(message, 'i');
    if (!nonce || !salt || !iterations || !message.empty()) {
        return malformed("malformed server-first-message");
    }
    auto salt_bytes = crypto::parse_base64(*salt);
    const auto count = parse_iterations(*iterations);
    if (!salt_bytes || salt_bytes->empty() || !count || *count == 0) {
        return malformed("malformed salt or iteration count");
    }
    if (*count > scram_iterations_max) {
        return malformed("the server asks for " + std::to_string(*count) + " iterations");
    }
    return ServerFirst{*nonce, std::move(*salt_bytes), *count};
}

// '=' and ',' have a meaning in the messages.
std::string escape_user(std::string_view user) {
    std::string escaped;
    for (const char c : user) {
        if (c == '=') {
            escaped += "=3D";
        } else if (c == ',') {
            escaped += "=2C";
        } else {
            escaped += c;
        }
    }
    return escaped;
}

}  // namespace

ScramClient::ScramClient(Options options) : options_(std::move(options)) {}

std::string_view ScramClient::mechanism() const {
    return options_.binding == Binding::end_point ? scram_sha_256_plus : scram_sha_256;
}

std::string ScramClient::gs2_header() const {
    switch (options_.binding) {
    case Binding::none: return "n,,";
    case Binding::server_lacks: return "y,,";
    case Binding::end_point: return "p=tls-server-end-point,,";
    }
    return "n,,";
}

std::string ScramClient::bare_first() const {
    return "n=" + escape_user(options_.user) + ",r=" + options_.nonce;
}

std::string ScramClient::first() const { return gs2_header() + bare_first(); }

Result<std::string> ScramClient::challenge(std::string_view server_first) {
    if (state_ != State::start) return malformed("a second challenge");
    auto server = parse_server_first(server_first);
    if (!server) return std::move(server).error();
    if (!server->nonce.starts_with(options_.nonce) ||
        server->nonce.size() == options_.nonce.size()) {
        return malformed("the server's nonce does not continue ours");
    }

    Bytes binding;
    append(binding, gs2_header());
    if (options_.binding == Binding::end_point) append(binding, options_.end_point);
    std::string final = "c=" + crypto::to_base64(binding) + ",r=" + std::string(server->nonce);
    const std::string signed_text = bare_first() + "," + std::string(server_first) + "," + final;

    const ScramKeys keys = derive_scram_keys(options_.password, server->salt, server->iterations);
    const auto client_signature = crypto::hmac_sha256(keys.stored_key, as_bytes(signed_text));
    server_signature_ = crypto::hmac_sha256(keys.server_key, as_bytes(signed_text));

    const auto proof = exclusive_or(keys.client_key, client_signature);
    state_ = State::challenged;
    return final + ",p=" + crypto::to_base64(proof);
}

Result<void> ScramClient::finish(std::string_view server_final) {
    if (state_ != State::challenged) return malformed("a final message before its challenge");
    if (const auto reason = take_attribute(server_final, 'e')) {
        return malformed("the server says " + std::string(*reason));
    }
    const auto verifier = take_attribute(server_final, 'v');
    if (!verifier || !server_final.empty()) return malformed("malformed server-final-message");
    const auto signature = crypto::parse_base64(*verifier);
    if (!signature || !crypto::equal_constant_time(*signature, server_signature_)) {
        return malformed("the server's signature is wrong: it does not know the password");
    }
    state_ = State::finished;
    return {};
}

std::string scram_nonce(ByteView random) { return crypto::to_base64(random); }

}  // namespace sluice::pg
