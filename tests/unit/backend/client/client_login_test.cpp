#include "backend/client/client_login.hpp"

#include "backend/auth/scram_server.hpp"
#include "backend/protocol/frontend.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/memory_stream.hpp"
#include "tests/unit/backend/client/client_fixture.hpp"
#include "tests/unit/backend/without_md5.hpp"

#include <gtest/gtest.h>

#include <array>
#include <future>

namespace sluice::pg {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;
using net::TlsMode;
using net::TlsServerContext;

const test::TestCertificates& certificates() {
    static const test::TestCertificates made;
    return made;
}

std::shared_ptr<const TlsServerContext> server_tls(
    TlsServerContext::Alpn alpn = TlsServerContext::Alpn::postgresql) {
    return *TlsServerContext::load({certificates().server.certificate, certificates().server.key},
                                   alpn);
}

Bytes cleartext_request() {
    Bytes bytes;
    encode_authentication_cleartext(bytes);
    return bytes;
}

Bytes md5_request() {
    Bytes bytes;
    encode_authentication_md5(bytes, as_bytes("salt"));
    return bytes;
}

Bytes sasl_request(std::vector<std::string_view> mechanisms) {
    Bytes bytes;
    EXPECT_TRUE(encode_authentication_sasl(bytes, mechanisms));
    return bytes;
}

class ClientLoginTest : public ClientTest {
protected:
    // Plays the server of a SCRAM login to its end.
    void authenticate(Peer& server, ScramServer& scram, std::vector<std::string_view> offered) {
        server.send(sasl_request(std::move(offered)));
        const Message first = server.receive();
        const auto initial = parse_sasl_initial_response(as_bytes(first.body));
        ASSERT_TRUE(initial && initial->data);
        const auto challenge = scram.first(initial->mechanism, as_text(*initial->data));
        ASSERT_TRUE(challenge) << challenge.error().tell.message;
        Bytes bytes;
        encode_authentication_sasl_continue(bytes, as_bytes(*challenge));
        server.send(bytes);
        const auto proof = scram.final(server.receive().body);
        ASSERT_TRUE(proof) << proof.error().tell.message;
        bytes.clear();
        encode_authentication_sasl_final(bytes, as_bytes(*proof));
        append(bytes, ByteView(welcome()));
        server.send(bytes);
    }
    static ScramServer scram_server(Bytes end_point = {}) {
        ScramServer::Options chosen;
        chosen.secret = make_scram_secret(Secret("pw"), bytes_of("0123456789abcdef"), 4096);
        chosen.nonce = scram_nonce(crypto::random_bytes(18));
        chosen.end_point = std::move(end_point);
        return ScramServer(std::move(chosen));
    }
};

TEST_F(ClientLoginTest, RequireAuthRefusesOtherMethods) {
    struct Case {
        AuthMethod allowed;
        Bytes request;
        std::string failure;
    };
    const Case cases[] = {
        {AuthMethod::scram,
         cleartext_request(),
         "the server asks for a cleartext password, which require_auth does not allow"},
        {AuthMethod::scram,
         md5_request(),
         "the server asks for an MD5 password, which require_auth does not allow"},
        {AuthMethod::md5,
         sasl_request({"SCRAM-SHA-256"}),
         "the server asks for SASL, which require_auth does not allow"},
        {AuthMethod::scram,
         welcome(),
         "the server lets us in without authentication, which require_auth does not allow"},
        {AuthMethod::none, welcome(), "connected"},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(test.failure);
        ConnectOptions chosen = options();
        chosen.require_auth = AuthMethods::nothing();
        chosen.require_auth.set(test.allowed, true);
        start(std::move(chosen));
        begin().send(test.request);
        EXPECT_EQ(failure(), test.failure);
    }
}

TEST_F(ClientLoginTest, ChannelBindingMustHappenWhenRequired) {
    struct Case {
        Bytes request;
        std::string failure;
    };
    const Case cases[] = {
        {cleartext_request(), "channel binding required, but the server asks for a password"},
        {md5_request(), "channel binding required, but the server asks for an MD5 password"},
        {sasl_request({"SCRAM-SHA-256"}),
         "channel binding is required, but the server offers no method that supports it"},
        {welcome(),
         "channel binding required, but server authenticated client without channel binding"},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(test.failure);
        ConnectOptions chosen = options(TlsMode::require);
        chosen.channel_binding = ChannelBinding::require;
        start(std::move(chosen));
        auto stream = server_.accept_tls(server_tls());
        peer_.emplace(server_.begin_on(std::move(stream)));
        peer_->send(test.request);
        EXPECT_EQ(failure(), test.failure);
    }
}

TEST_F(ClientLoginTest, BindsToTheChannelAsTold) {
    struct Case {
        ChannelBinding binding;
        bool server_binds;
        std::string_view mechanism;
    };
    const Case cases[] = {
        {ChannelBinding::require, true, scram_sha_256_plus},
        {ChannelBinding::prefer, true, scram_sha_256_plus},
        {ChannelBinding::prefer, false, scram_sha_256},
        {ChannelBinding::disable, true, scram_sha_256},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(static_cast<int>(test.binding));
        ConnectOptions chosen = options(TlsMode::require);
        chosen.channel_binding = test.binding;
        start(std::move(chosen));
        auto stream = server_.accept_tls(server_tls());
        ScramServer scram = scram_server(test.server_binds ? stream->channel_binding() : Bytes());
        peer_.emplace(server_.begin_on(std::move(stream)));
        authenticate(*peer_, scram, ScramServer::mechanisms(test.server_binds));
        EXPECT_EQ(failure(), "connected");
    }
}

TEST_F(ClientLoginTest, PlusWithoutTlsIsAnAttack) {
    start(options());
    begin().send(sasl_request({"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"}));
    EXPECT_EQ(failure(), "the server offers SCRAM-SHA-256-PLUS on a connection without TLS");
}

TEST_F(ClientLoginTest, DerivesKeysOnThePool) {
    std::promise<void> go_on;
    net::BlockingPool pool(1);
    tasks_.spawn([](boost::asio::io_context& context,
                    net::BlockingPool& blocked,
                    std::future<void> release) -> net::Awaitable<void> {
        auto wait = [release = std::make_shared<std::future<void>>(std::move(release))] {
            release->wait();
            return true;
        };
        co_await blocked.run(context, std::move(wait));
    }(context_, pool, go_on.get_future()));
    context_.poll();
    ConnectOptions chosen = options();
    chosen.pool = &pool;
    chosen.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(50);
    const Deadline deadline = chosen.deadline;
    start(std::move(chosen));
    Peer& server = begin();
    server.send(sasl_request({"SCRAM-SHA-256"}));
    const std::string first = server.receive().body;
    const std::string nonce = first.substr(first.find("r=") + 2);
    Bytes bytes;
    encode_authentication_sasl_continue(
        bytes, as_bytes("r=" + nonce + "x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"));
    server.send(bytes);

    // The context goes on while the pool is busy, and the deadline counts all the same.
    EXPECT_TRUE(
        test::run_until(context_, [&] { return std::chrono::steady_clock::now() >= deadline; }));
    EXPECT_FALSE(connected_);
    go_on.set_value();
    EXPECT_TRUE(is_timeout(finish().error().error.code));
}

TEST_F(ClientLoginTest, LogsInWithKeysFromThePool) {
    net::BlockingPool pool(1);
    ConnectOptions chosen = options();
    chosen.pool = &pool;
    start(std::move(chosen));
    ScramServer scram = scram_server();
    authenticate(begin(), scram, ScramServer::mechanisms(false));
    EXPECT_EQ(failure(), "connected");
}

Bytes negotiation(std::uint16_t minor, std::vector<std::string> unrecognized = {}) {
    Negotiation offered;
    offered.minor = minor;
    offered.unrecognized = std::move(unrecognized);
    Bytes bytes;
    encode_negotiate_protocol_version(bytes, offered);
    return bytes;
}

Bytes joined(std::vector<Bytes> parts) {
    Bytes whole;
    for (const Bytes& part : parts) append(whole, ByteView(part));
    return whole;
}

Bytes cancel_key(std::size_t size) {
    Bytes bytes;
    encode_authentication_ok(bytes);
    EXPECT_TRUE(encode_backend_key_data(bytes, 1, Bytes(size, 7)));
    encode_ready_for_query(bytes, 'I');
    return bytes;
}

TEST_F(ClientLoginTest, AgreesOnAProtocol) {
    struct Case {
        std::string name;
        std::uint16_t minor_min;
        std::uint16_t minor;
        Bytes sent;
        std::string failure;
    };
    const Case cases[] = {
        {"older", 0, 2, joined({negotiation(0), cancel_key(4)}), "connected"},
        {"the same", 2, 2, cancel_key(32), "connected"},
        {"too old", 2, 2, negotiation(0), "the server speaks only protocol 3.0"},
        {"newer",
         0,
         0,
         negotiation(2),
         "the server negotiates a newer protocol than was asked for"},
        {"twice",
         0,
         2,
         joined({negotiation(0), negotiation(0)}),
         "a protocol negotiation out of place"},
        {"late", 0, 2, joined({welcome(), negotiation(0)}), "connected"},
        {"an option that was not sent",
         0,
         2,
         negotiation(0, {"_pq_.x"}),
         "the server refuses an option that was not asked for"},
        {"long key in 3.0", 0, 0, cancel_key(32), "a cancel key of 32 bytes in protocol 3.0"},
        {"long key after an older version",
         0,
         2,
         joined({negotiation(0), cancel_key(32)}),
         "a cancel key of 32 bytes in protocol 3.0"},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(test.name);
        ConnectOptions chosen = options();
        chosen.protocol_minor = test.minor;
        chosen.protocol_minor_min = test.minor_min;
        start(std::move(chosen));
        begin().send(test.sent);
        EXPECT_EQ(failure(), test.failure);
    }
}

TEST_F(ClientLoginTest, ANegotiationAfterAuthenticationIsRefused) {
    ConnectOptions chosen = options();
    chosen.protocol_minor = 2;
    start(std::move(chosen));
    Bytes bytes;
    encode_authentication_ok(bytes);
    append(bytes, ByteView(negotiation(0)));
    begin().send(bytes);
    EXPECT_EQ(failure(), "a protocol negotiation out of place");
}

TEST_F(ClientLoginTest, PreferringTlsFallsBackAfterABrokenHandshake) {
    start(options(TlsMode::prefer));
    auto broken = server_.accept();
    receive_startup(*broken);
    ASSERT_TRUE(test::run_coroutine(context_, broken->write_all(as_bytes("Sno TLS here"))));
    begin().send(welcome());
    EXPECT_EQ(failure(), "connected");
    EXPECT_FALSE(client().encrypted());
}

TEST_F(ClientLoginTest, PreferringTlsFallsBackWhenTurnedAway) {
    start(options(TlsMode::prefer));
    auto encrypted = server_.accept_tls(server_tls());
    server_.begin_on(std::move(encrypted)).send(refusal("28000", "no entry for SSL on"));
    begin().send(welcome());
    EXPECT_EQ(failure(), "connected");
    EXPECT_FALSE(client().encrypted());
}

TEST_F(ClientLoginTest, APasswordIsNotTriedAgainWithoutTls) {
    start(options(TlsMode::prefer));
    auto encrypted = server_.accept_tls(server_tls());
    Peer server = server_.begin_on(std::move(encrypted));
    server.send(cleartext_request());
    EXPECT_EQ(server.receive().body, "pw\0"sv);
    server.send(refusal("28P01", "wrong password"));
    EXPECT_EQ(failure(), "the server says 28P01: wrong password");
    EXPECT_FALSE(server_.has_connection());
}

TEST_F(ClientLoginTest, AllowingTlsEncryptsOnlyWhenTurnedAway) {
    start(options(TlsMode::allow));
    begin().send(welcome());
    EXPECT_EQ(failure(), "connected");
    EXPECT_FALSE(client().encrypted());

    start(options(TlsMode::allow));
    begin().send(refusal("28000", "no entry for SSL off"));
    auto encrypted = server_.accept_tls(server_tls());
    server_.begin_on(std::move(encrypted)).send(welcome());
    EXPECT_EQ(failure(), "connected");
    EXPECT_TRUE(client().encrypted());

    start(options(TlsMode::allow));
    begin().send(refusal("53300", "too many clients"));
    EXPECT_EQ(failure(), "the server says 53300: too many clients");
    EXPECT_FALSE(server_.has_connection());
}

ConnectOptions direct(ConnectOptions chosen) {
    net::TlsClientOptions tls;
    tls.mode = TlsMode::verify_full;
    tls.ca = certificates().authority.certificate;
    tls.offer_alpn = true;
    chosen.tls = *net::TlsClientContext::make(tls);
    chosen.ssl_negotiation = SslNegotiation::direct;
    return chosen;
}

TEST_F(ClientLoginTest, DirectTlsBeginsWithTheHandshake) {
    start(direct(options()));
    auto stream =
        server_.shake_hands(server_.accept(), server_tls(), net::TlsStream::Negotiation::direct);
    server_.begin_on(std::move(stream)).send(welcome());
    EXPECT_EQ(failure(), "connected");
    EXPECT_TRUE(client().encrypted());
}

TEST_F(ClientLoginTest, DirectTlsNeedsAlpn) {
    start(direct(options()));
    auto stream = server_.shake_hands(server_.accept(),
                                      server_tls(TlsServerContext::Alpn::none),
                                      net::TlsStream::Negotiation::ssl_request);
    EXPECT_NE(failure().find("without ALPN protocol negotiation extension"), std::string::npos)
        << failure();
}

TEST_F(ClientLoginTest, CancelsWhereAndHowTheSessionIs) {
    for (const bool encrypted : {false, true}) {
        SCOPED_TRACE(encrypted);
        ConnectOptions chosen = options(encrypted ? TlsMode::require : TlsMode::disable);
        chosen.host = "a name that nobody looks up";
        chosen.address = "127.0.0.1";
        chosen.protocol_minor = 2;
        start(std::move(chosen));
        std::unique_ptr<net::ByteStream> stream;
        if (encrypted) {
            stream = server_.accept_tls(server_tls());
        } else {
            stream = server_.accept();
        }
        peer_.emplace(server_.begin_on(std::move(stream)));
        peer_->send(cancel_key(32));
        ASSERT_TRUE(finish()) << failure();

        std::optional<Result<void>> outcome;
        tasks_.spawn([](boost::asio::io_context& context,
                        CancelHandle handle,
                        std::optional<Result<void>>& result) -> net::Awaitable<void> {
            auto done = co_await handle.send(context, no_deadline);
            result.emplace(std::move(done));
        }(context_, client().cancel_handle(), outcome));
        if (encrypted) {
            stream = server_.accept_tls(server_tls());
        } else {
            stream = server_.accept();
        }
        const auto request = std::get<CancelRequest>(receive_startup(*stream));
        EXPECT_EQ(request.key, Bytes(32, 7));
        stream.reset();
        EXPECT_TRUE(test::run_until(context_, [&] { return outcome.has_value(); }));
        EXPECT_TRUE(*outcome);
    }
}

TEST_F(ClientLoginTest, Md5ThatOpenSslRefusesIsToldInsteadOfAWrongPassword) {
    const WithoutMd5 fips;
    start(options());
    begin().send(md5_request());
    EXPECT_EQ(failure(),
              "the server asks for an MD5 password, but OpenSSL refuses MD5 (FIPS mode): store the "
              "role's password as SCRAM-SHA-256");
}

// A server that closes at once, with too many clients say, has not read what we send.
TEST_F(ClientLoginTest, WhatTheServerSaidBeforeItClosedIsTheReasonAlsoWhenSendingFails) {
    const ConnectOptions chosen = options();
    const auto fail_to_send = [&](Bytes said) {
        auto stream = std::make_unique<test::MemoryStream>();
        stream->writes_fail = true;
        stream->incoming = std::move(said);
        stream->incoming_ended = true;
        ClientLogin login(context_, std::move(stream), chosen);
        return test::run_coroutine(context_, login.run());
    };
    const auto told = fail_to_send(refusal("53300", "too many clients"));
    ASSERT_FALSE(told);
    ASSERT_TRUE(told.error().server) << told.error().error.message();
    EXPECT_EQ(told.error().server->code, "53300");
    for (const Bytes& said : {Bytes(), welcome()}) {
        const auto silent = fail_to_send(said);
        ASSERT_FALSE(silent);
        EXPECT_EQ(silent.error().error.message(), "login: Broken pipe");
    }
}

}  // namespace
}  // namespace sluice::pg
