#include "backend/client/client_login.hpp"

#include "backend/auth/md5.hpp"
#include "backend/auth/password.hpp"
#include "backend/client/last_words.hpp"
#include "backend/protocol/frontend.hpp"
#include "common/base/assert.hpp"
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

bool contains(const std::vector<std::string_view>& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_authorization(std::string_view sqlstate) { return sqlstate.starts_with("28"); }

// Other hosts would say the same, unless this server is only starting or stopping.
ClientError conclude(ClientError failure) {
    failure.conclusive = !failure.server || failure.server->code != sqlstate::cannot_connect_now;
    return failure;
}

}  // namespace

ClientLogin::ClientLogin(boost::asio::io_context& context,
                         std::unique_ptr<net::ByteStream> stream,
                         const ConnectOptions& options)
    : context_(context), options_(options) {
    client_.reset(
        new PostgresClient(FramedStream(std::move(stream), Bytes(), login_message_bytes_max)));
    end_point_ = client_->framed_.stream().channel_binding();
    client_->encrypted_ = client_->framed_.stream().encrypted();
    client_->protocol_minor_ = options.protocol_minor;
}

net::Awaitable<ClientResult<std::unique_ptr<PostgresClient>>> ClientLogin::run() {
    FramedStream& framed = client_->framed_;
    if (!send_startup()) co_return client_error("a startup parameter that holds a NUL character");
    while (!ready_) {
        if (!framed.out().empty()) {
            auto sent = co_await framed.flush();
            if (!sent) {
                auto words = co_await last_words(framed, sent.error());
                if (words) co_return conclude(refuse(std::move(*words)));
                co_return client_error(std::move(sent).error().with("login"));
            }
        }
        auto message = co_await framed.read_message();
        if (!message) co_return client_error(std::move(message).error().with("login"));
        if (!*message) co_return closed_by_server();
        auto failure = answer(**message);
        if (!failure && challenge_) failure = co_await answer_challenge();
        if (failure) co_return conclude(std::move(*failure));
    }
    complete();
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

// What the session needs later: where it is, for cancel requests to the same address.
void ClientLogin::complete() {
    client_->host_ = HostSpec{options_.host, options_.address, options_.port};
    ConnectOptions& kept = client_->options_;
    kept.host = options_.host;
    kept.address = client_->framed_.stream().peer_address();
    kept.port = options_.port;
    kept.ssl_negotiation = options_.ssl_negotiation;
    if (client_->encrypted_) kept.tls = options_.tls;
}

ClientLogin::Step ClientLogin::answer(const Frame& message) {
    switch (message.tag) {
    case 'E': return refuse(client_error(message));
    case 'R': return authenticate(message.body);
    case 'N':
    case 'S': return take_parameter(message);
    case 'v': return negotiate(message.body);
    case 'K': return take_key(message.body);
    case 'Z': return take_ready(message.body);
    default:
        return client_error("unexpected message of type " +
                            std::to_string(static_cast<unsigned char>(message.tag)) + " at login");
    }
}

ClientError ClientLogin::refuse(ClientError failure) {
    turned_away_ =
        !asked_ && !authenticated_ && failure.server && is_authorization(failure.server->code);
    return failure;
}

// An older server names the version that it speaks, and what it does not know.
ClientLogin::Step ClientLogin::negotiate(ByteView body) {
    auto negotiation = parse_negotiate_protocol_version(body);
    if (!negotiation) return client_error(std::move(negotiation).error());
    if (negotiated_ || authenticated_) return client_error("a protocol negotiation out of place");
    negotiated_ = true;
    if (negotiation->minor > options_.protocol_minor) {
        return client_error("the server negotiates a newer protocol than was asked for");
    }
    if (negotiation->minor < options_.protocol_minor_min) {
        return client_error("the server speaks only protocol 3." +
                            std::to_string(negotiation->minor));
    }
    for (const std::string& name : negotiation->unrecognized) {
        const bool asked = std::any_of(
            options_.parameters.begin(), options_.parameters.end(), [&](const auto& parameter) {
                return parameter.first == name;
            });
        if (!asked) return client_error("the server refuses an option that was not asked for");
    }
    client_->protocol_minor_ = negotiation->minor;
    return std::nullopt;
}

ClientLogin::Step ClientLogin::take_key(ByteView body) {
    auto key = parse_backend_key_data(body);
    if (!key) return client_error(std::move(key).error());
    if (!authenticated_) return client_error("a cancel key before authentication");
    if (client_->protocol_minor_ < 2 && key->key.size() != cancel_key_bytes_min) {
        return client_error("a cancel key of " + std::to_string(key->key.size()) +
                            " bytes in protocol 3.0");
    }
    client_->key_ = std::move(*key);
    return std::nullopt;
}

ClientLogin::Step ClientLogin::authenticate(ByteView body) {
    const auto request = parse_authentication(body);
    if (!request) return client_error(Error(request.error()));
    if (authenticated_) return client_error("an authentication request after authentication");
    switch (static_cast<Kind>(request->code)) {
    case Kind::ok: return take_ok();
    case Kind::cleartext: return send_cleartext();
    case Kind::md5: return send_md5(request->data);
    case Kind::sasl: return begin_sasl(request->data);
    case Kind::sasl_continue:
        if (!scram_) return client_error("SASL data before SASL began");
        challenge_.emplace(as_text(request->data));
        return std::nullopt;
    case Kind::sasl_final: return finish_sasl(request->data);
    default: break;
    }
    return client_error("the server asks for authentication method " +
                        std::to_string(request->code) + ", which is not supported");
}

ClientLogin::Step ClientLogin::take_ok() {
    if (scram_ && !scram_->finished()) {
        return client_error("the server ended SCRAM without proving that it knows the password");
    }
    const bool bound = scram_ && scram_->mechanism() == scram_sha_256_plus;
    if (options_.channel_binding == ChannelBinding::require && !bound) {
        return client_error(
            "channel binding required, but server authenticated client without channel binding");
    }
    if (!asked_) {
        if (auto failure = allow(AuthMethod::none, "lets us in without authentication")) {
            return failure;
        }
    }
    authenticated_ = true;
    return std::nullopt;
}

ClientLogin::Step ClientLogin::allow(AuthMethod method, std::string_view asks) const {
    if (options_.require_auth.allows(method)) return std::nullopt;
    return client_error("the server " + std::string(asks) + ", which require_auth does not allow");
}

ClientLogin::Step ClientLogin::need_password() const {
    if (scram_) return client_error("the server changed the authentication method");
    if (!options_.password.empty()) return std::nullopt;
    return client_error("the server asks for a password and none is known");
}

ClientLogin::Step ClientLogin::send_cleartext() {
    if (auto failure = allow(AuthMethod::password, "asks for a cleartext password")) return failure;
    if (options_.channel_binding == ChannelBinding::require) {
        return client_error("channel binding required, but the server asks for a password");
    }
    if (auto failure = need_password()) return failure;
    asked_ = true;
    const std::string_view password = options_.password.reveal();
    Bytes& out = client_->framed_.out();
    out.reserve(out.size() + frame_header_size + password.size() + 1);
    if (!encode_password(out, password)) {
        return client_error("a password that holds a NUL character");
    }
    client_->framed_.writer().wipe_when_sent();
    return std::nullopt;
}

ClientLogin::Step ClientLogin::send_md5(ByteView salt) {
    if (auto failure = allow(AuthMethod::md5, "asks for an MD5 password")) return failure;
    if (options_.channel_binding == ChannelBinding::require) {
        return client_error("channel binding required, but the server asks for an MD5 password");
    }
    if (auto failure = need_password()) return failure;
    if (salt.size() != md5_salt_bytes) return client_error("malformed MD5 salt");
    if (!md5_available()) {
        return client_error(
            "the server asks for an MD5 password, but OpenSSL refuses MD5 (FIPS mode): store the "
            "role's password as SCRAM-SHA-256");
    }
    asked_ = true;
    const std::string answer = md5_password(options_.user, options_.password, salt);
    SLUICE_ASSERT(encode_password(client_->framed_.out(), answer));
    return std::nullopt;
}

ClientLogin::Step ClientLogin::begin_sasl(ByteView data) {
    if (auto failure = allow(AuthMethod::scram, "asks for SASL")) return failure;
    if (auto failure = need_password()) return failure;
    const auto mechanisms = parse_sasl_mechanisms(data);
    if (!mechanisms) return client_error(Error(mechanisms.error()));
    ScramClient::Options scram;
    auto failure = choose_binding(
        contains(*mechanisms, scram_sha_256_plus), contains(*mechanisms, scram_sha_256), scram);
    if (failure) return failure;
    asked_ = true;
    scram.password = options_.password;
    scram.nonce = scram_nonce(crypto::random_bytes(nonce_bytes));
    scram_.emplace(std::move(scram));
    const std::string first = scram_->first();
    SLUICE_ASSERT(
        encode_sasl_initial_response(client_->framed_.out(), scram_->mechanism(), as_bytes(first)));
    return std::nullopt;
}

ClientLogin::Step ClientLogin::choose_binding(bool offers_plus,
                                              bool offers_plain,
                                              ScramClient::Options& scram) const {
    if (offers_plus && !client_->encrypted_) {
        return client_error("the server offers SCRAM-SHA-256-PLUS on a connection without TLS");
    }
    const bool binds = options_.channel_binding != ChannelBinding::disable && !end_point_.empty();
    if (offers_plus && binds) {
        scram.binding = ScramClient::Binding::end_point;
        scram.end_point = end_point_;
        return std::nullopt;
    }
    if (options_.channel_binding == ChannelBinding::require) {
        return client_error(
            "channel binding is required, but the server offers no method that supports it");
    }
    if (!offers_plain) {
        return client_error("the server offers no SASL mechanism that is supported");
    }
    if (binds) scram.binding = ScramClient::Binding::server_lacks;
    return std::nullopt;
}

// Cancellation and the deadline show themselves at the next read or write: the derivation cannot
// be stopped.
net::Awaitable<ClientLogin::Step> ClientLogin::answer_challenge() {
    const std::string challenge = std::move(*challenge_);
    challenge_.reset();
    auto derive = [this, &challenge] { return scram_->challenge(challenge); };
    Result<std::string> response = std::string();
    if (options_.pool == nullptr) {
        response = derive();
    } else {
        response = co_await options_.pool->run(context_, std::move(derive));
    }
    if (!response) co_return client_error(std::move(response).error());
    encode_sasl_response(client_->framed_.out(), as_bytes(*response));
    co_return std::nullopt;
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
    append_frame(client_->login_messages_, message);
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
