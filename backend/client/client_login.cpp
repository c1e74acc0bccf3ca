#include "backend/client/client_login.hpp"

#include "backend/auth/md5.hpp"
#include "backend/protocol/frontend.hpp"
#include "common/base/byte_writer.hpp"
#include "common/crypto/random_bytes.hpp"

#include <algorithm>

namespace sluice::pg {

namespace {

using Kind = AuthenticationRequest::Kind;

constexpr std::size_t login_message_bytes_max = 64U << 10U;
// All of ParameterStatus and notices: a server that never gets ready is stopped here.
constexpr std::size_t login_messages_bytes_max = 1U << 20U;
constexpr std::size_t md5_salt_bytes = 4;
constexpr std::size_t nonce_bytes = 18;

void append_message(Bytes& to, const Frame& message) {
    ByteWriter writer(to);
    writer.u8(static_cast<std::uint8_t>(message.tag));
    writer.u32(static_cast<std::uint32_t>(message.body.size() + 4));
    writer.bytes(message.body);
}

bool contains(const std::vector<std::string_view>& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

ClientError client_error(Error error) {
    return ClientError{std::move(error).as(ErrorKind::compute), std::nullopt, Bytes()};
}

ClientError client_error(std::string detail) {
    return client_error(Error(ErrorKind::compute, std::move(detail)));
}

ClientError client_error(const Frame& error_response) {
    auto fields = parse_error_fields(error_response.body);
    if (!fields) return client_error(std::move(fields).error());
    ClientError error = client_error("the server says " + fields->code + ": " + fields->message);
    error.server = std::move(*fields);
    append_message(error.response, error_response);
    return error;
}

ClientLogin::ClientLogin(std::unique_ptr<net::ByteStream> stream, const ConnectOptions& options)
    : options_(options) {
    end_point_ = stream->channel_binding();
    client_.reset(
        new PostgresClient(FramedStream(std::move(stream), Bytes(), login_message_bytes_max)));
}

net::Awaitable<ClientResult<std::unique_ptr<PostgresClient>>> ClientLogin::run() {
    FramedStream& framed = client_->framed_;
    if (!send_startup()) co_return client_error("a startup parameter that holds a NUL character");
    while (!ready_) {
        if (!framed.out().empty()) {
            auto sent = co_await framed.flush();
            if (!sent) co_return client_error(std::move(sent).error().with("login"));
        }
        auto message = co_await framed.read_message();
        if (!message) co_return client_error(std::move(message).error().with("login"));
        if (!*message) {
            co_return client_error(
                Error(ErrorKind::compute, "the server closed the connection", eof_error()));
        }
        auto failure = answer(**message);
        if (failure) co_return std::move(*failure);
    }
    co_return std::move(client_);
}

bool ClientLogin::send_startup() {
    StartupMessage message;
    message.version.minor = options_.protocol_minor;
    message.parameters.emplace_back("user", options_.user);
    if (!options_.database.empty()) message.parameters.emplace_back("database", options_.database);
    for (const auto& parameter : options_.parameters) message.parameters.push_back(parameter);
    return encode_startup(client_->framed_.out(), message);
}

ClientLogin::Step ClientLogin::answer(const Frame& message) {
    switch (message.tag) {
    case 'E': return client_error(message);
    case 'R': return authenticate(message.body);
    case 'N':
    case 'S': return take_parameter(message);
    // An older server names the version it speaks; everything we use is in 3.0.
    case 'v': {
        auto negotiation = parse_negotiate_protocol_version(message.body);
        if (!negotiation) return client_error(std::move(negotiation).error());
        return std::nullopt;
    }
    case 'K': {
        auto key = parse_backend_key_data(message.body);
        if (!key) return client_error(std::move(key).error());
        client_->key_ = std::move(*key);
        return std::nullopt;
    }
    case 'Z': return take_ready(message.body);
    default:
        return client_error("unexpected message of type " +
                            std::to_string(static_cast<unsigned char>(message.tag)) + " at login");
    }
}

ClientLogin::Step ClientLogin::authenticate(ByteView body) {
    const auto request = parse_authentication(body);
    if (!request) return client_error(Error(request.error()));
    if (authenticated_) return client_error("an authentication request after authentication");
    Bytes& out = client_->framed_.out();
    switch (static_cast<Kind>(request->code)) {
    case Kind::ok:
        if (scram_ && !scram_->finished()) {
            return client_error(
                "the server ended SCRAM without proving that it knows the password");
        }
        authenticated_ = true;
        return std::nullopt;
    case Kind::cleartext:
        if (auto failure = need_password()) return failure;
        if (!encode_password(out, options_.password.reveal())) {
            return client_error("a password that holds a NUL character");
        }
        return std::nullopt;
    case Kind::md5:
        if (auto failure = need_password()) return failure;
        if (request->data.size() != md5_salt_bytes) return client_error("malformed MD5 salt");
        SLUICE_ASSERT(
            encode_password(out, md5_password(options_.user, options_.password, request->data)));
        return std::nullopt;
    case Kind::sasl: return begin_sasl(request->data);
    case Kind::sasl_continue: return continue_sasl(request->data);
    case Kind::sasl_final: return finish_sasl(request->data);
    case Kind::kerberos_v5:
    case Kind::gss:
    case Kind::gss_continue:
    case Kind::sspi: break;
    }
    return client_error("the server asks for authentication method " +
                        std::to_string(request->code) + ", which is not supported");
}

ClientLogin::Step ClientLogin::need_password() const {
    if (scram_) return client_error("the server changed the authentication method");
    if (!options_.password.empty()) return std::nullopt;
    return client_error("the server asks for a password and none is known");
}

ClientLogin::Step ClientLogin::begin_sasl(ByteView data) {
    if (auto failure = need_password()) return failure;
    const auto mechanisms = parse_sasl_mechanisms(data);
    if (!mechanisms) return client_error(Error(mechanisms.error()));
    const bool plus = contains(*mechanisms, scram_sha_256_plus);
    ScramClient::Options scram;
    if (plus && !end_point_.empty()) {
        scram.binding = ScramClient::Binding::end_point;
        scram.end_point = end_point_;
    } else if (!contains(*mechanisms, scram_sha_256)) {
        return client_error("the server offers no SASL mechanism that is supported");
    } else if (!plus && !end_point_.empty()) {
        scram.binding = ScramClient::Binding::server_lacks;
    }
    scram.password = options_.password;
    scram.nonce = scram_nonce(crypto::random_bytes(nonce_bytes));
    scram_.emplace(std::move(scram));
    const std::string first = scram_->first();
    SLUICE_ASSERT(
        encode_sasl_initial_response(client_->framed_.out(), scram_->mechanism(), as_bytes(first)));
    return std::nullopt;
}

ClientLogin::Step ClientLogin::continue_sasl(ByteView data) {
    if (!scram_) return client_error("SASL data before SASL began");
    auto response = scram_->challenge(as_text(data));
    if (!response) return client_error(std::move(response).error());
    encode_sasl_response(client_->framed_.out(), as_bytes(*response));
    return std::nullopt;
}

ClientLogin::Step ClientLogin::finish_sasl(ByteView data) {
    if (!scram_) return client_error("SASL data before SASL began");
    auto verified = scram_->finish(as_text(data));
    if (!verified) return client_error(std::move(verified).error());
    return std::nullopt;
}

ClientLogin::Step ClientLogin::take_parameter(const Frame& message) {
    if (!authenticated_) return client_error("a parameter or notice before authentication");
    if (client_->login_messages_.size() + message.size() > login_messages_bytes_max) {
        return client_error("too many messages at login");
    }
    append_message(client_->login_messages_, message);
    if (message.tag != 'S') return std::nullopt;
    const auto status = parse_parameter_status(message.body);
    if (!status) return client_error(Error(status.error()));
    client_->parameters_.emplace_back(status->name, status->value);
    return std::nullopt;
}

ClientLogin::Step ClientLogin::take_ready(ByteView body) {
    const auto status = parse_ready_for_query(body);
    if (!status) return client_error(Error(status.error()));
    if (!authenticated_) return client_error("ready before authentication");
    client_->transaction_status_ = *status;
    ready_ = true;
    return std::nullopt;
}

}  // namespace sluice::pg
