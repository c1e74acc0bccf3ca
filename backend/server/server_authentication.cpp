#include "backend/server/server_authentication.hpp"

#include "backend/auth/scram_server.hpp"
#include "backend/protocol/backend.hpp"
#include "backend/protocol/errc.hpp"
#include "backend/protocol/frontend.hpp"
#include "common/base/assert.hpp"
#include "common/crypto/random_bytes.hpp"

#include <boost/asio/error.hpp>

namespace sluice::pg {

namespace {

constexpr std::size_t md5_salt_bytes = 4;
constexpr std::size_t nonce_bytes = 18;

// The end of the dialogue by the stream or by a message that cannot be read.
AuthFailure broken(Error error) {
    std::optional<ErrorFields> tell;
    if (is_timeout(error.code)) {
        tell =
            ErrorFields::fatal(sqlstate::query_canceled, "canceling authentication due to timeout");
    } else if (is_violation(error.code)) {
        tell = ErrorFields::fatal(sqlstate::protocol_violation, error.code.message());
    }
    return AuthFailure::broken(std::move(error), std::move(tell));
}

AuthFailure unexpected_message(std::string_view expected, char tag) {
    const std::string text = "expected " + std::string(expected) + " response, got message type " +
                             std::to_string(static_cast<unsigned char>(tag));
    return AuthFailure::broken(protocol_error(Errc::unexpected_message, text),
                               ErrorFields::fatal(sqlstate::protocol_violation, text));
}

// Told in the same words whatever the reason, which is for our log.
AuthFailure wrong_password(const PasswordCheck& check) {
    std::string reason = "password authentication failed: ";
    reason += check.stored ? "wrong password" : "no such role";
    return AuthFailure::refused(std::move(reason), password_failed(check.role));
}

AuthFailure md5_refused() {
    return AuthFailure::unavailable(
        "OpenSSL refuses MD5 (FIPS mode)",
        ErrorFields::fatal(sqlstate::internal_error, "MD5 authentication is not available"));
}

AuthFailure overloaded() {
    ErrorFields tell = ErrorFields::fatal(sqlstate::too_many_connections,
                                          "too many logins wait for their password to be checked");
    tell.hint = "Try again later.";
    return AuthFailure::refused(tell.message, std::move(tell));
}

AuthFailure scram_failed(ScramFailure failure, const PasswordCheck& check) {
    if (failure.reason == ScramFailure::Reason::wrong_password) return wrong_password(check);
    std::string reason = failure.tell.message;
    if (!failure.tell.detail.empty()) reason += ": " + failure.tell.detail;
    if (failure.reason == ScramFailure::Reason::malformed) {
        return AuthFailure::broken(protocol_error(Errc::invalid_message, std::move(reason)),
                                   std::move(failure.tell));
    }
    return AuthFailure::refused(std::move(reason), std::move(failure.tell));
}

// Sends what waits and reads the client's answer, whose body is valid until the next read.
// `expected` is a word for the error text: "password", "SASL".
net::Awaitable<Expected<ByteView, AuthFailure>> ask(FramedStream& framed,
                                                    std::string_view expected) {
    auto sent = co_await framed.flush();
    if (!sent) co_return broken(std::move(sent).error());
    auto frame = co_await framed.read_message();
    if (!frame) co_return broken(std::move(frame).error());
    // A client without a password goes away to ask its user for one.
    if (!*frame) {
        co_return broken(Error(ErrorKind::client_disconnect, "closed at the login", eof_error()));
    }
    if ((*frame)->tag != 'p') co_return unexpected_message(expected, (*frame)->tag);
    co_return (*frame)->body;
}

net::Awaitable<Expected<Secret, AuthFailure>> read_password(FramedStream& framed) {
    auto body = co_await ask(framed, "password");
    if (!body) co_return std::move(body).error();
    auto password = parse_password(*body);
    if (!password) co_return broken(std::move(password).error());
    co_return Secret(std::string(*password));
}

net::Awaitable<Expected<Secret, AuthFailure>> receive_password(FramedStream& framed) {
    framed.reader().set_wiping(true);
    auto password = co_await read_password(framed);
    framed.reader().set_wiping(false);
    co_return password;
}

ScramSecret mock_secret(const PasswordCheck& check) {
    return mock_scram_secret(check.mock_key, check.role, check.mock_iterations);
}

net::Awaitable<AuthOutcome> check_cleartext(FramedStream& framed, const PasswordCheck& check) {
    auto password = co_await ask_cleartext(framed);
    if (!password) co_return std::move(password).error();
    StoredPassword stored = check.stored ? *check.stored : StoredPassword(mock_secret(check));
    if (std::holds_alternative<Md5Secret>(stored) && !md5_available()) co_return md5_refused();
    // Servers take no empty password, whatever is stored.
    const bool possible = check.stored && !password->empty();
    auto verify = [stored = std::move(stored),
                   role = check.role,
                   given = std::move(*password),
                   iterations = check.mock_iterations] {
        return verify_cleartext(stored, role, given, iterations);
    };
    bool right = false;
    if (check.pool != nullptr) {
        if (check.pool->waiting() > check.pool_waiting_max) co_return overloaded();
        const auto verified = co_await check.pool->run_or_drop(*check.context, std::move(verify));
        if (!verified) {
            co_return broken(Error(ErrorKind::internal, "", boost::asio::error::operation_aborted));
        }
        right = *verified;
    } else {
        right = verify();
    }
    if (!right || !possible) co_return wrong_password(check);
    co_return AuthOutcome();
}

net::Awaitable<AuthOutcome> check_md5(FramedStream& framed, const PasswordCheck& check) {
    if (!md5_available()) co_return md5_refused();
    const Bytes salt = crypto::random_bytes(md5_salt_bytes);
    encode_authentication_md5(framed.out(), salt);
    auto answer = co_await receive_password(framed);
    if (!answer) co_return std::move(answer).error();
    const Md5Secret mock{"md5" + std::string(32, '0')};
    const Md5Secret& stored = check.stored ? std::get<Md5Secret>(*check.stored) : mock;
    const bool right = verify_md5(stored, salt, answer->reveal());
    if (!right || !check.stored) co_return wrong_password(check);
    co_return AuthOutcome();
}

ScramServer::Options scram_options(const PasswordCheck& check, Bytes end_point) {
    const ScramSecret* secret = check.stored ? std::get_if<ScramSecret>(&*check.stored) : nullptr;
    ScramServer::Options options;
    options.role = check.role;
    options.mock = secret == nullptr;
    options.secret = secret ? *secret : mock_secret(check);
    options.nonce = scram_nonce(crypto::random_bytes(nonce_bytes));
    options.end_point = std::move(end_point);
    return options;
}

// What a client opens SCRAM with.
struct SaslOpening {
    std::string mechanism;
    std::string client_first;
};

// In one message, or in two: the first then names the mechanism only.
net::Awaitable<Expected<SaslOpening, AuthFailure>> receive_opening(FramedStream& framed) {
    auto body = co_await ask(framed, "SASL");
    if (!body) co_return std::move(body).error();
    auto response = parse_sasl_initial_response(*body);
    if (!response) co_return broken(std::move(response).error());
    SaslOpening opening;
    opening.mechanism = response->mechanism;
    if (response->data) {
        opening.client_first = as_text(*response->data);
        co_return opening;
    }
    encode_authentication_sasl_continue(framed.out(), ByteView());
    body = co_await ask(framed, "SASL");
    if (!body) co_return std::move(body).error();
    opening.client_first = as_text(*body);
    co_return opening;
}

net::Awaitable<AuthOutcome> check_scram(FramedStream& framed, const PasswordCheck& check) {
    Bytes end_point = framed.stream().channel_binding();
    const auto mechanisms = ScramServer::mechanisms(!end_point.empty());
    SLUICE_ASSERT(encode_authentication_sasl(framed.out(), mechanisms));
    ScramServer server(scram_options(check, std::move(end_point)));

    auto opening = co_await receive_opening(framed);
    if (!opening) co_return std::move(opening).error();
    auto challenge = server.first(opening->mechanism, opening->client_first);
    if (!challenge) co_return scram_failed(std::move(challenge).error(), check);
    encode_authentication_sasl_continue(framed.out(), as_bytes(*challenge));

    auto response = co_await ask(framed, "SASL");
    if (!response) co_return std::move(response).error();
    auto proof = server.final(as_text(*response));
    if (!proof) co_return scram_failed(std::move(proof).error(), check);
    encode_authentication_sasl_final(framed.out(), as_bytes(*proof));
    co_return AuthOutcome();
}

}  // namespace

AuthFailure AuthFailure::broken(Error error, std::optional<ErrorFields> tell) {
    return {Kind::broken, std::move(error), std::move(tell)};
}

AuthFailure AuthFailure::refused(std::string reason, ErrorFields tell) {
    return {Kind::refused, Error(ErrorKind::client, std::move(reason)), std::move(tell)};
}

AuthFailure AuthFailure::unavailable(std::string reason, ErrorFields tell) {
    return {Kind::unavailable, Error(ErrorKind::internal, std::move(reason)), std::move(tell)};
}

net::Awaitable<AuthOutcome> check_password(FramedStream& framed, const PasswordCheck& check) {
    SLUICE_ASSERT(check.mock_key.size() >= mock_key_bytes_min);
    const bool scram_stored = check.stored ? std::holds_alternative<ScramSecret>(*check.stored)
                                           : check.mock_method == PasswordMethod::scram;
    switch (check.method) {
    case PasswordMethod::cleartext: return check_cleartext(framed, check);
    case PasswordMethod::md5:
        return scram_stored ? check_scram(framed, check) : check_md5(framed, check);
    case PasswordMethod::scram: break;
    }
    return check_scram(framed, check);
}

net::Awaitable<Expected<Secret, AuthFailure>> ask_cleartext(FramedStream& framed) {
    encode_authentication_cleartext(framed.out());
    return receive_password(framed);
}

}  // namespace sluice::pg
