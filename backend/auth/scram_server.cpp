#include "backend/auth/scram_server.hpp"

#include "backend/auth/password.hpp"
#include "backend/auth/scram_message.hpp"
#include "common/base/assert.hpp"
#include "common/base/text.hpp"

#include <algorithm>

namespace sluice::pg {

namespace {

using Reason = ScramFailure::Reason;

constexpr std::string_view end_point_binding = "tls-server-end-point";

ScramFailure failed(Reason reason,
                    std::string_view code,
                    std::string message,
                    std::string detail = {}) {
    ScramFailure failure{reason, ErrorFields::fatal(code, std::move(message))};
    failure.tell.detail = std::move(detail);
    return failure;
}

ScramFailure malformed(std::string detail) {
    return failed(Reason::malformed,
                  sqlstate::protocol_violation,
                  "malformed SCRAM message",
                  std::move(detail));
}

ScramFailure unsupported(std::string message) {
    return failed(Reason::unsupported, sqlstate::feature_not_supported, std::move(message));
}

// The first character of `message` for an error text.
std::string first_character(std::string_view message) {
    return message.empty() ? "end of the message" : '"' + printable(message.substr(0, 1)) + '"';
}

Expected<std::string_view, ScramFailure> expect_attribute(std::string_view& message, char name) {
    const auto value = take_attribute(message, name);
    if (value) return *value;
    return malformed(std::string("Expected attribute \"") + name + "\" but found " +
                     first_character(message) + '.');
}

bool take_comma(std::string_view& message) {
    if (!message.starts_with(',')) return false;
    message.remove_prefix(1);
    return true;
}

std::optional<ScramFailure> check_text(std::string_view message) {
    if (message.empty()) return malformed("The message is empty.");
    if (message.find('\0') != std::string_view::npos) {
        return malformed("Message length does not match input length.");
    }
    return std::nullopt;
}

// The printable characters of RFC 5802: all of ASCII that can be seen, but the comma. It cannot
// be in an attribute anyway.
bool is_printable_nonce(std::string_view nonce) {
    return std::all_of(nonce.begin(), nonce.end(), [](char c) { return c >= '!' && c <= '~'; });
}

// client-first-message = gs2-header client-first-message-bare
struct ClientFirst {
    char flag = 'n';  // of the channel binding
    std::string_view binding_type;
    std::string_view header;  // with its commas
    std::string_view bare;
    std::string_view nonce;
};

// gs2-header = ("n" / "y" / "p=" type) "," [authzid] ","
std::optional<ScramFailure> read_header(std::string_view& message, ClientFirst& first) {
    const std::string_view whole = message;
    first.flag = message.front();
    if (first.flag == 'p') {
        const auto type = expect_attribute(message, 'p');
        if (!type) return type.error();
        first.binding_type = *type;
    } else if (first.flag == 'n' || first.flag == 'y') {
        message.remove_prefix(1);
        if (!take_comma(message)) {
            return malformed("Comma expected, but found " + first_character(message) + '.');
        }
    } else {
        return malformed("Unexpected channel-binding flag " + first_character(message) + '.');
    }
    if (message.starts_with('a')) {
        return unsupported("client uses authorization identity, but it is not supported");
    }
    if (!take_comma(message)) {
        return malformed("Unexpected attribute " + first_character(message) +
                         " in client-first-message.");
    }
    first.header = whole.substr(0, whole.size() - message.size());
    return std::nullopt;
}

// client-first-message-bare = "n=" user "," "r=" nonce ["," extensions]; unknown extensions are
// optional ones.
Expected<ClientFirst, ScramFailure> parse_client_first(std::string_view message) {
    if (auto failure = check_text(message)) return std::move(*failure);
    ClientFirst first;
    if (auto failure = read_header(message, first)) return std::move(*failure);
    first.bare = message;
    if (message.starts_with('m')) {
        return unsupported("client requires an unsupported SCRAM extension");
    }
    auto user = expect_attribute(message, 'n');
    if (!user) return std::move(user).error();
    auto nonce = expect_attribute(message, 'r');
    if (!nonce) return std::move(nonce).error();
    if (!is_printable_nonce(*nonce)) {
        return failed(Reason::malformed,
                      sqlstate::protocol_violation,
                      "non-printable characters in SCRAM nonce");
    }
    first.nonce = *nonce;
    return first;
}

// client-final-message = "c=" binding "," "r=" nonce ["," extensions] "," "p=" proof
struct ClientFinal {
    std::string_view binding;
    std::string_view nonce;
    std::string_view without_proof;
    crypto::Sha256 proof{};
};

std::optional<crypto::Sha256> parse_proof(std::string_view base64) {
    const auto bytes = crypto::parse_base64(base64);
    crypto::Sha256 proof{};
    if (!bytes || bytes->size() != proof.size()) return std::nullopt;
    std::copy(bytes->begin(), bytes->end(), proof.begin());
    return proof;
}

// An extension is any attribute whose name is a letter.
bool skip_extension(std::string_view& message) {
    if (message.empty()) return false;
    const char name = message.front();
    const bool letter = (name >= 'a' && name <= 'z') || (name >= 'A' && name <= 'Z');
    return letter && take_attribute(message, name).has_value();
}

Expected<ClientFinal, ScramFailure> parse_client_final(std::string_view message) {
    if (auto failure = check_text(message)) return std::move(*failure);
    const std::string_view whole = message;
    ClientFinal final_message;
    auto binding = expect_attribute(message, 'c');
    if (!binding) return std::move(binding).error();
    auto nonce = expect_attribute(message, 'r');
    if (!nonce) return std::move(nonce).error();
    while (!message.starts_with("p=")) {
        if (!skip_extension(message)) {
            return malformed("Attribute expected, but found " + first_character(message) + '.');
        }
    }
    final_message.binding = *binding;
    final_message.nonce = *nonce;
    // Without the comma in front of the proof.
    final_message.without_proof = whole.substr(0, whole.size() - message.size() - 1);
    const auto proof = parse_proof(*take_attribute(message, 'p'));
    if (!message.empty()) return malformed("Garbage found at the end of client-final-message.");
    if (!proof) return malformed("Malformed proof in client-final-message.");
    final_message.proof = *proof;
    return final_message;
}

// Whether the gs2-header goes with the mechanism and with what was offered.
std::optional<ScramFailure> check_binding(const ClientFirst& first, bool plus, bool offered) {
    if (first.flag == 'p') {
        if (!plus) {
            return malformed(
                "The client selected SCRAM-SHA-256 without channel binding, but the SCRAM message "
                "includes channel binding data.");
        }
        if (first.binding_type != end_point_binding) {
            return failed(
                Reason::binding,
                sqlstate::protocol_violation,
                "unsupported SCRAM channel-binding type \"" + printable(first.binding_type) + '"');
        }
        return std::nullopt;
    }
    if (plus) {
        return malformed(
            "The client selected SCRAM-SHA-256-PLUS, but the SCRAM message does not include "
            "channel binding data.");
    }
    // Somebody between us may have cut -PLUS out of the offer.
    if (first.flag == 'y' && offered) {
        return failed(Reason::binding,
                      sqlstate::invalid_authorization,
                      "SCRAM channel binding negotiation error",
                      "The client supports SCRAM channel binding but thinks the server does not.  "
                      "However, this server does support channel binding.");
    }
    return std::nullopt;
}

}  // namespace

ScramServer::ScramServer(Options options) : options_(std::move(options)) {}

std::vector<std::string_view> ScramServer::mechanisms(bool has_end_point) {
    if (has_end_point) return {scram_sha_256_plus, scram_sha_256};
    return {scram_sha_256};
}

ScramFailure ScramServer::fail(ScramFailure failure) {
    state_ = State::failed;
    return failure;
}

Expected<std::string, ScramFailure> ScramServer::first(std::string_view mechanism,
                                                       std::string_view client_first) {
    SLUICE_ASSERT(state_ == State::start);
    const bool offered = !options_.end_point.empty();
    plus_ = mechanism == scram_sha_256_plus;
    if (plus_ ? !offered : mechanism != scram_sha_256) {
        return fail(failed(Reason::unsupported,
                           sqlstate::protocol_violation,
                           "client selected an invalid SASL authentication mechanism"));
    }
    auto parsed = parse_client_first(client_first);
    if (!parsed) return fail(std::move(parsed).error());
    if (auto failure = check_binding(*parsed, plus_, offered)) return fail(std::move(*failure));
    header_ = parsed->header;
    bare_first_ = parsed->bare;
    nonce_ = std::string(parsed->nonce) + options_.nonce;
    server_first_ = "r=" + nonce_ + ",s=" + crypto::to_base64(options_.secret.salt) +
                    ",i=" + std::to_string(options_.secret.iterations);
    state_ = State::challenged;
    return server_first_;
}

Expected<std::string, ScramFailure> ScramServer::final(std::string_view client_final) {
    SLUICE_ASSERT(state_ == State::challenged);
    auto parsed = parse_client_final(client_final);
    if (!parsed) return fail(std::move(parsed).error());

    Bytes binding;
    append(binding, header_);
    if (plus_) append(binding, options_.end_point);
    if (parsed->binding != crypto::to_base64(binding)) {
        return fail(plus_ ? failed(Reason::binding,
                                   sqlstate::invalid_authorization,
                                   "SCRAM channel binding check failed")
                          : failed(Reason::malformed,
                                   sqlstate::protocol_violation,
                                   "unexpected SCRAM channel-binding attribute in "
                                   "client-final-message"));
    }
    if (parsed->nonce != nonce_) {
        return fail(failed(Reason::malformed,
                           sqlstate::protocol_violation,
                           "invalid SCRAM response",
                           "Nonce does not match."));
    }

    const std::string signed_text =
        bare_first_ + ',' + server_first_ + ',' + std::string(parsed->without_proof);
    const ScramSecret& secret = options_.secret;
    const auto signature = crypto::hmac_sha256(secret.stored_key, as_bytes(signed_text));
    client_key_ = exclusive_or(parsed->proof, signature);
    // Computed for mocks too: the time must not tell.
    const bool right = crypto::equal_constant_time(crypto::sha256(client_key_), secret.stored_key);
    if (!right || options_.mock) {
        return fail(ScramFailure{Reason::wrong_password, password_failed(options_.role)});
    }
    state_ = State::finished;
    return "v=" + crypto::to_base64(crypto::hmac_sha256(secret.server_key, as_bytes(signed_text)));
}

const crypto::Sha256& ScramServer::client_key() const {
    SLUICE_ASSERT(state_ == State::finished);
    return client_key_;
}

}  // namespace sluice::pg
