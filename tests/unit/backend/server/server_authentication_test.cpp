#include "backend/server/server_authentication.hpp"

#include "backend/auth/md5.hpp"
#include "backend/auth/scram_server.hpp"
#include "backend/client/postgres_client.hpp"
#include "backend/protocol/backend.hpp"
#include "backend/protocol/errc.hpp"
#include "backend/protocol/frontend.hpp"
#include "backend/server/server_handshake.hpp"
#include "common/crypto/random_bytes.hpp"
#include "common/net/task_group.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/coroutine.hpp"
#include "tests/support/socket_pair.hpp"
#include "tests/unit/backend/bytes.hpp"
#include "tests/unit/backend/peer.hpp"
#include "tests/unit/backend/without_md5.hpp"
#include "tests/unit/net/tls_fixture.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <gtest/gtest.h>

#include <sys/socket.h>

#include <future>

namespace sluice::pg {
namespace {

using namespace std::string_view_literals;
using boost::asio::ip::tcp;

constexpr std::size_t message_bytes_max = 64U << 10U;
constexpr std::string_view mock_key = "0123456789abcdef";

// Of the role "app" and the password "secret".
StoredPassword stored_scram() {
    static const ScramSecret secret =
        make_scram_secret(Secret("secret"), Bytes(scram_salt_bytes, 7));
    return secret;
}
StoredPassword stored_md5() { return Md5Secret{"md5" + crypto::md5_hex(as_bytes("secretapp"))}; }

PasswordCheck check_of(PasswordMethod method, std::optional<StoredPassword> stored) {
    PasswordCheck check;
    check.method = method;
    check.role = "app";
    check.stored = std::move(stored);
    check.mock_key = as_bytes(mock_key);
    return check;
}
PasswordCheck cleartext() { return check_of(PasswordMethod::cleartext, stored_scram()); }
PasswordCheck md5() { return check_of(PasswordMethod::md5, stored_md5()); }
PasswordCheck scram() { return check_of(PasswordMethod::scram, stored_scram()); }

ScramClient scram_client(const char* password, Bytes end_point = {}) {
    ScramClient::Options options;
    options.password = Secret(password);
    options.nonce = scram_nonce(crypto::random_bytes(18));
    if (!end_point.empty()) options.binding = ScramClient::Binding::end_point;
    options.end_point = std::move(end_point);
    return ScramClient(std::move(options));
}

// AuthenticationSASL with these mechanisms.
Message offer_of(std::string_view mechanisms) {
    return {'R', std::string("\0\0\0\x0a"sv) + std::string(mechanisms)};
}
constexpr std::string_view plain_mechanisms = "SCRAM-SHA-256\0\0"sv;
constexpr std::string_view all_mechanisms = "SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"sv;

// A server that lets in who passes the check; the test is its client.
class ServerAuthenticationTest : public testing::Test {
protected:
    ServerAuthenticationTest() { crypto::initialise(); }
    ~ServerAuthenticationTest() override {
        peer_.reset();
        tasks_.cancel();
        EXPECT_TRUE(test::run_until(context_, [&] { return tasks_.running() == 0; }));
    }

    Peer& start(PasswordCheck check) {
        auto pair = test::tcp_pair(context_);
        return start(std::move(check), std::move(pair.client), std::move(pair.server));
    }
    Peer& start(PasswordCheck check,
                std::unique_ptr<net::ByteStream> client,
                std::unique_ptr<net::ByteStream> server) {
        outcome_.reset();
        peer_.emplace(context_, std::move(client));
        tasks_.spawn(serve(std::move(server), std::move(check)));
        return *peer_;
    }
    net::Awaitable<void> serve(std::unique_ptr<net::ByteStream> stream, PasswordCheck check) {
        co_await boost::asio::this_coro::throw_if_cancelled(false);
        FramedStream framed(std::move(stream), Bytes(), message_bytes_max);
        framed.stream().set_deadline(deadline_);
        auto result = co_await check_password(framed, check);
        framed.stream().set_deadline(no_deadline);
        if (result) {
            encode_authentication_ok(framed.out());
            encode_ready_for_query(framed.out(), 'I');
        } else if (result.error().tell) {
            encode_error_response(framed.out(), *result.error().tell);
        }
        static_cast<void>(co_await framed.flush());
        outcome_.emplace(std::move(result));
    }

    void send_password(std::string_view password) {
        Bytes bytes;
        EXPECT_TRUE(encode_password(bytes, password));
        peer_->send(bytes);
    }
    void send_opening(const ScramClient& client) {
        Bytes bytes;
        EXPECT_TRUE(
            encode_sasl_initial_response(bytes, client.mechanism(), as_bytes(client.first())));
        peer_->send(bytes);
    }
    // Answers the server's challenge, and what became of the login: "RRZ" is in.
    std::string play(ScramClient& client, const std::string& challenge) {
        const auto response = client.challenge(challenge);
        if (!response) return response.error().detail;
        Bytes bytes;
        encode_sasl_response(bytes, as_bytes(*response));
        peer_->send(bytes);
        return peer_->receive_tags('Z');
    }
    // The whole exchange behind the server's offer.
    std::string play(ScramClient& client) {
        send_opening(client);
        const Message challenge = peer_->receive();
        if (challenge.tag != 'R') return std::string(1, challenge.tag);
        return play(client, challenge.body.substr(4));
    }

    // What the server wrote down about its client.
    const AuthOutcome& outcome() {
        EXPECT_TRUE(test::run_until(context_, [&] { return outcome_.has_value(); }));
        return *outcome_;
    }
    const Error& error() {
        EXPECT_FALSE(outcome());
        return outcome().error().error;
    }
    // The client was sent this, and nothing else any more.
    void expect_told(std::string_view code, std::string_view message) {
        EXPECT_EQ(peer_->receive_tags('Z'), "E$");
        expect_was_told(code, message);
    }
    void expect_was_told(std::string_view code, std::string_view message) {
        const std::string body = peer_->body_of('E');
        const auto fields = parse_error_fields(as_bytes(body));
        ASSERT_TRUE(fields);
        EXPECT_EQ(fields->severity, "FATAL");
        EXPECT_EQ(fields->code, code);
        EXPECT_EQ(fields->message, message);
    }
    void expect_violation() {
        EXPECT_EQ(error().kind, ErrorKind::client);
        EXPECT_TRUE(is_violation(error().code)) << error().message();
    }

    boost::asio::io_context context_;
    net::TaskGroup tasks_{context_};
    Deadline deadline_ = no_deadline;
    std::optional<Peer> peer_;
    std::optional<AuthOutcome> outcome_;
};

constexpr std::string_view failed_text = "password authentication failed for user \"app\"";

TEST_F(ServerAuthenticationTest, TakesACleartextPassword) {
    for (const auto& stored : {stored_scram(), stored_md5()}) {
        Peer& peer = start(check_of(PasswordMethod::cleartext, stored));
        EXPECT_EQ(peer.receive(), (Message{'R', std::string("\0\0\0\3"sv)}));
        send_password("secret");
        EXPECT_EQ(peer.receive_tags('Z'), "RZ");
        EXPECT_TRUE(outcome());
    }
}

TEST_F(ServerAuthenticationTest, TakesAnMd5Password) {
    Peer& peer = start(md5());
    const Message request = peer.receive();
    EXPECT_EQ(request.tag, 'R');
    ASSERT_EQ(request.body.size(), 8U);
    EXPECT_EQ(request.body.substr(0, 4), "\0\0\0\5"sv);
    send_password(md5_password("app", Secret("secret"), as_bytes(request.body.substr(4))));
    EXPECT_EQ(peer.receive_tags('Z'), "RZ");
    EXPECT_TRUE(outcome());
}

TEST_F(ServerAuthenticationTest, EveryMd5RequestHasASaltOfItsOwn) {
    const std::string first = start(md5()).receive().body;
    EXPECT_NE(start(md5()).receive().body, first);
}

TEST_F(ServerAuthenticationTest, SpeaksScram) {
    EXPECT_EQ(start(scram()).receive(), offer_of(plain_mechanisms));
    ScramClient client = scram_client("secret");
    EXPECT_EQ(play(client), "RRZ");
    EXPECT_TRUE(outcome());
}

TEST_F(ServerAuthenticationTest, ProvesThatItKnowsThePassword) {
    Peer& peer = start(scram());
    peer.receive();
    ScramClient client = scram_client("secret");
    send_opening(client);
    const auto response = client.challenge(peer.receive().body.substr(4));
    ASSERT_TRUE(response);
    Bytes bytes;
    encode_sasl_response(bytes, as_bytes(*response));
    peer.send(bytes);
    const Message final = peer.receive();
    EXPECT_EQ(final.body.substr(0, 4), "\0\0\0\x0c"sv);
    EXPECT_TRUE(client.finish(final.body.substr(4)));
    EXPECT_EQ(peer.receive(), (Message{'R', std::string(4, '\0')}));
}

TEST_F(ServerAuthenticationTest, EveryExchangeHasANonceOfItsOwn) {
    const auto challenge = [&] {
        Peer& peer = start(scram());
        peer.receive();
        ScramClient::Options options;
        options.nonce = "same";
        send_opening(ScramClient(std::move(options)));
        return peer.receive().body;
    };
    const std::string first = challenge();
    EXPECT_TRUE(first.substr(4).starts_with("r=same")) << first;
    EXPECT_NE(challenge(), first);
}

TEST_F(ServerAuthenticationTest, TheClientMayNameTheMechanismFirst) {
    Peer& peer = start(scram());
    peer.receive();
    ScramClient client = scram_client("secret");
    peer.send(bytes_of("p\0\0\0\x16SCRAM-SHA-256\0\xff\xff\xff\xff"sv));
    EXPECT_EQ(peer.receive(), (Message{'R', std::string("\0\0\0\x0b"sv)}));
    Bytes bytes;
    encode_sasl_response(bytes, as_bytes(client.first()));
    peer.send(bytes);
    EXPECT_EQ(play(client, peer.receive().body.substr(4)), "RRZ");
}

TEST_F(ServerAuthenticationTest, WhatIsStoredDecidesBetweenMd5AndScram) {
    EXPECT_EQ(start(check_of(PasswordMethod::md5, stored_scram())).receive(),
              offer_of(plain_mechanisms));
    ScramClient client = scram_client("secret");
    EXPECT_EQ(play(client), "RRZ");

    // MD5 is never spoken where SCRAM was demanded.
    EXPECT_EQ(start(check_of(PasswordMethod::scram, stored_md5())).receive(),
              offer_of(plain_mechanisms));
    ScramClient again = scram_client("secret");
    EXPECT_EQ(play(again), "E$");
    expect_was_told("28P01", failed_text);
}

// SCRAM over TLS with a certificate of some kind.
class ScramOverTls : public ServerAuthenticationTest {
protected:
    // Shakes hands and starts the check; the end point as the client sees it.
    Bytes start_tls(test::SelfSigned kind) {
        const test::TemporaryFolder folder;
        net::HandshakeOptions options;
        options.server = net::server_context(test::make_self_signed(folder.path(), kind));
        auto hands = net::shake_hands(context_, test::tcp_pair(context_), options);
        EXPECT_TRUE(hands.client && hands.server);
        Bytes end_point = (*hands.client)->server_end_point();
        start(scram(), std::move(*hands.client), std::move(*hands.server));
        return end_point;
    }
};

TEST_F(ScramOverTls, BindsToCertificatesOfEveryHash) {
    struct Case {
        const char* name;
        test::SelfSigned kind;
        std::size_t end_point_size;
    };
    const Case cases[] = {
        {"SHA-1", test::SelfSigned::ecdsa_sha1, 32},
        {"SHA-256", test::SelfSigned::ecdsa_sha256, 32},
        {"SHA-384", test::SelfSigned::ecdsa_sha384, 48},
        {"SHA-512", test::SelfSigned::ecdsa_sha512, 64},
        {"RSA", test::SelfSigned::rsa_sha256, 32},
        {"RSA-PSS", test::SelfSigned::rsa_pss_sha384, 48},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(test.name);
        const Bytes end_point = start_tls(test.kind);
        EXPECT_EQ(end_point.size(), test.end_point_size);
        EXPECT_EQ(peer_->receive(), offer_of(all_mechanisms));
        ScramClient client = scram_client("secret", end_point);
        EXPECT_EQ(client.mechanism(), "SCRAM-SHA-256-PLUS");
        EXPECT_EQ(play(client), "RRZ");
    }
}

TEST_F(ScramOverTls, OffersNoBindingWhereItIsUndefined) {
    EXPECT_TRUE(start_tls(test::SelfSigned::ed25519).empty());
    EXPECT_EQ(peer_->receive(), offer_of(plain_mechanisms));
    ScramClient client = scram_client("secret");
    EXPECT_EQ(play(client), "RRZ");
}

TEST_F(ScramOverTls, AClientNeedNotBind) {
    start_tls(test::SelfSigned::ecdsa_sha256);
    peer_->receive();
    ScramClient client = scram_client("secret");
    EXPECT_EQ(play(client), "RRZ");
}

TEST_F(ScramOverTls, NoticesSomebodyInBetween) {
    // The client saw another certificate than ours.
    Bytes end_point = start_tls(test::SelfSigned::ecdsa_sha256);
    end_point[0] ^= 1U;
    peer_->receive();
    ScramClient client = scram_client("secret", end_point);
    EXPECT_EQ(play(client), "E$");
    expect_was_told("28000", "SCRAM channel binding check failed");
    EXPECT_EQ(error().detail, "SCRAM channel binding check failed");
}

TEST_F(ServerAuthenticationTest, RefusesWrongPasswords) {
    start(cleartext()).receive();
    send_password("Secret");
    expect_told("28P01", failed_text);
    EXPECT_EQ(error().detail, "password authentication failed: wrong password");
    EXPECT_FALSE(is_violation(error().code));

    start(md5()).receive();
    send_password("secret");
    expect_told("28P01", failed_text);

    start(scram()).receive();
    ScramClient client = scram_client("Secret");
    EXPECT_EQ(play(client), "E$");
    expect_was_told("28P01", failed_text);
    EXPECT_EQ(error().detail, "password authentication failed: wrong password");
}

TEST_F(ServerAuthenticationTest, NobodyEntersWithoutAPassword) {
    PasswordCheck check = check_of(PasswordMethod::cleartext,
                                   make_scram_secret(Secret(), Bytes(scram_salt_bytes, 7)));
    start(std::move(check)).receive();
    send_password("");
    expect_told("28P01", failed_text);
}

// What a client with a wrong password sees; numbers and texts that are random are cut out.
struct Seen {
    Message request;
    std::size_t request_size = 0;
    std::string salt;  // of SCRAM, with the iterations
    std::string end;
    std::string told;
    bool operator==(const Seen&) const = default;
};

class UnknownRole : public ServerAuthenticationTest {
protected:
    Seen look(PasswordMethod method, std::optional<StoredPassword> stored) {
        Seen seen;
        PasswordCheck check = check_of(method, std::move(stored));
        check.mock_method = mock_method_;
        Peer& peer = start(std::move(check));
        seen.request = peer.receive();
        seen.request_size = seen.request.body.size();
        if (seen.request == offer_of(plain_mechanisms)) {
            ScramClient client = scram_client("wrong");
            send_opening(client);
            const std::string challenge = peer.receive().body.substr(4);
            seen.salt = challenge.substr(challenge.find(",s="));
            seen.end = play(client, challenge);
        } else {
            seen.request.body.resize(4);  // the salt
            send_password("md5c3bfbe0a6a2a0f0fc1f5ee12cf5ccd80");
            seen.end = peer.receive_tags('Z');
        }
        seen.told = peer.body_of('E');
        return seen;
    }

    PasswordMethod mock_method_ = PasswordMethod::scram;
};

TEST_F(UnknownRole, LooksLikeAWrongPassword) {
    struct Case {
        const char* name;
        PasswordMethod method;
        PasswordMethod mock_method;
        StoredPassword stored;
    };
    const auto md5 = PasswordMethod::md5;
    const auto scram = PasswordMethod::scram;
    const Case cases[] = {
        {"cleartext", PasswordMethod::cleartext, scram, stored_scram()},
        {"MD5", md5, md5, stored_md5()},
        {"MD5, with SCRAM secrets", md5, scram, stored_scram()},
        {"SCRAM", scram, scram, stored_scram()},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(test.name);
        mock_method_ = test.mock_method;
        Seen known = look(test.method, test.stored);
        EXPECT_EQ(error().detail, "password authentication failed: wrong password");
        Seen unknown = look(test.method, std::nullopt);
        EXPECT_EQ(error().detail, "password authentication failed: no such role");
        EXPECT_EQ(known.end, "E$");
        EXPECT_EQ(known.salt.size(), unknown.salt.size());
        known.salt.clear();
        unknown.salt.clear();
        EXPECT_EQ(known, unknown);
    }
}

TEST_F(UnknownRole, HasTheSameSaltEveryTime) {
    const Seen first = look(PasswordMethod::scram, std::nullopt);
    EXPECT_FALSE(first.salt.empty());
    EXPECT_EQ(look(PasswordMethod::scram, std::nullopt), first);
}

TEST_F(UnknownRole, HasTheIterationsOfTheOthers) {
    PasswordCheck check = check_of(PasswordMethod::scram, std::nullopt);
    check.mock_iterations = 77;
    start(std::move(check)).receive();
    send_opening(scram_client("wrong"));
    EXPECT_TRUE(peer_->receive().body.ends_with(",i=77"));
}

TEST_F(ServerAuthenticationTest, AClientThatGoesAwayIsToldNothing) {
    for (const PasswordCheck& check : {cleartext(), md5(), scram()}) {
        Peer& peer = start(check);
        peer.receive();
        peer.send_end();
        EXPECT_EQ(peer.receive().tag, 0);
        EXPECT_EQ(error().kind, ErrorKind::client_disconnect);
        EXPECT_EQ(error().detail, "closed at the login");
        EXPECT_TRUE(is_disconnect(error().code));
        EXPECT_FALSE(outcome().error().tell);
    }
}

TEST_F(ServerAuthenticationTest, RefusesEverythingButAPassword) {
    Bytes query;
    encode_query(query, "select 1");
    for (const auto& [check, text] :
         {std::pair(cleartext(), "expected password response, got message type 81"),
          std::pair(md5(), "expected password response, got message type 81"),
          std::pair(scram(), "expected SASL response, got message type 81")}) {
        SCOPED_TRACE(text);
        Peer& peer = start(check);
        peer.receive();
        peer.send(query);
        expect_told("08P01", text);
        expect_violation();
    }
}

TEST_F(ServerAuthenticationTest, RefusesMessagesOfAnotherForm) {
    struct Case {
        const char* name;
        PasswordCheck check;
        std::string_view message;
    };
    const Case cases[] = {
        {"unterminated password", cleartext(), "p\0\0\0\x0asecret"sv},
        {"NUL inside a password", cleartext(), "p\0\0\0\x0csec\0ret\0"sv},
        {"no mechanism", scram(), "p\0\0\0\4"sv},
        {"no length", scram(), "p\0\0\0\x12SCRAM-SHA-256\0"sv},
        {"less data than announced", scram(), "p\0\0\0\x17SCRAM-SHA-256\0\0\0\0\2n"sv},
        {"more data than announced", scram(), "p\0\0\0\x17SCRAM-SHA-256\0\0\0\0\0n"sv},
        {"another negative length", scram(), "p\0\0\0\x16SCRAM-SHA-256\0\xff\xff\xff\xfe"sv},
        {"length below 4", scram(), "p\0\0\0\3"sv},
        {"64 KiB and one byte", cleartext(), "p\0\1\0\5"sv},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(test.name);
        Peer& peer = start(test.check);
        peer.receive();
        peer.send(bytes_of(test.message));
        EXPECT_EQ(peer.receive_tags('Z'), "E$");
        EXPECT_EQ(outcome().error().tell->code, "08P01");
        expect_violation();
    }
}

TEST_F(ServerAuthenticationTest, TakesTheLargestPassword) {
    const std::string password(message_bytes_max - 1, 'x');
    start(check_of(PasswordMethod::cleartext,
                   make_scram_secret(Secret(password), Bytes(scram_salt_bytes, 7), 1)))
        .receive();
    send_password(password);
    EXPECT_EQ(peer_->receive_tags('Z'), "RZ");
}

TEST_F(ServerAuthenticationTest, BrokenScramIsAViolationAndSaysWhy) {
    Peer& peer = start(scram());
    peer.receive();
    Bytes bytes;
    EXPECT_TRUE(encode_sasl_initial_response(bytes, scram_sha_256, as_bytes("x")));
    peer.send(bytes);
    expect_told("08P01", "malformed SCRAM message");
    expect_violation();
    EXPECT_EQ(error().detail, "malformed SCRAM message: Unexpected channel-binding flag \"x\".");
}

TEST_F(ServerAuthenticationTest, AMechanismThatWasNotOfferedIsRefused) {
    Peer& peer = start(scram());
    peer.receive();
    send_opening(scram_client("secret", Bytes{1, 2}));
    expect_told("08P01", "client selected an invalid SASL authentication mechanism");
    EXPECT_FALSE(outcome());
}

TEST_F(ServerAuthenticationTest, GivesUpAtTheDeadline) {
    deadline_ = std::chrono::steady_clock::now() + std::chrono::milliseconds(30);
    for (const PasswordCheck& check : {cleartext(), scram()}) {
        start(check).receive();
        expect_told("57014", "canceling authentication due to timeout");
        EXPECT_TRUE(is_timeout(error().code));
    }
}

TEST_F(ServerAuthenticationTest, CancellingEndsIt) {
    for (const PasswordCheck& check : {cleartext(), md5(), scram()}) {
        start(check).receive();
        tasks_.cancel();
        EXPECT_EQ(error().code, boost::system::errc::operation_canceled);
        EXPECT_FALSE(outcome().error().tell);
    }
}

TEST_F(ServerAuthenticationTest, FailsWhereMd5IsRefused) {
    const WithoutMd5 fips;
    for (const PasswordMethod method : {PasswordMethod::md5, PasswordMethod::cleartext}) {
        start(check_of(method, Md5Secret{"md5" + std::string(32, '0')}));
        if (method == PasswordMethod::cleartext) {
            EXPECT_EQ(peer_->receive().tag, 'R');
            send_password("secret");
        }
        expect_told("XX000", "MD5 authentication is not available");
        EXPECT_EQ(error().kind, ErrorKind::internal);
    }
}

net::Awaitable<void> occupy(boost::asio::io_context& context,
                            net::BlockingPool& pool,
                            std::shared_future<void> gate) {
    auto work = [gate] {
        gate.wait();
        return true;
    };
    co_await pool.run(context, std::move(work));
}

TEST_F(ServerAuthenticationTest, KeysAreDerivedOnThePool) {
    net::BlockingPool pool(1);
    std::promise<void> gate;
    tasks_.spawn(occupy(context_, pool, gate.get_future().share()));
    PasswordCheck check = cleartext();
    check.pool = &pool;
    check.context = &context_;
    start(std::move(check)).receive();
    send_password("secret");
    std::optional<Peer> waiting = std::move(peer_);

    // While the pool is busy the thread lets others in, and only them.
    start(scram()).receive();
    ScramClient client = scram_client("secret");
    EXPECT_EQ(play(client), "RRZ");
    EXPECT_TRUE(outcome());
    EXPECT_EQ(tasks_.running(), 2U);

    gate.set_value();
    EXPECT_EQ(waiting->receive_tags('Z'), "RZ");
}

// Our own client at our own server, through a listening socket.
class OwnClient : public ServerAuthenticationTest {
protected:
    OwnClient() { acceptor_.non_blocking(true); }

    ConnectOptions options(std::string password, net::TlsMode mode) {
        ConnectOptions chosen;
        chosen.host = "127.0.0.1";
        chosen.port = acceptor_.local_endpoint().port();
        chosen.user = "app";
        chosen.password = Secret(std::move(password));
        chosen.tls = net::client_context(mode);
        return chosen;
    }
    std::unique_ptr<net::SocketStream> accept() {
        int fd = -1;
        EXPECT_TRUE(test::run_until(context_, [&] {
            fd = ::accept(acceptor_.native_handle(), nullptr, nullptr);
            return fd >= 0;
        }));
        return std::make_unique<net::SocketStream>(
            net::StreamSocket(context_, {AF_INET, IPPROTO_TCP}, fd));
    }
    net::Awaitable<void> connect(ConnectOptions chosen) {
        auto result = co_await PostgresClient::connect(context_, std::move(chosen));
        connected_.emplace(std::move(result));
    }
    net::Awaitable<void> open(std::unique_ptr<net::SocketStream> socket, PasswordCheck check) {
        ServerHandshakeOptions handshake;
        handshake.tls = net::server_context();
        auto opening = co_await server_handshake(std::move(socket), std::move(handshake));
        if (!opening || !*opening) co_return;
        co_await serve(std::move((*opening)->stream), std::move(check));
    }

    tcp::acceptor acceptor_{context_, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0)};
    std::optional<ClientResult<std::unique_ptr<PostgresClient>>> connected_;
};

TEST_F(OwnClient, EntersByEveryMethod) {
    for (const net::TlsMode mode : {net::TlsMode::disable, net::TlsMode::verify_full}) {
        for (const PasswordCheck& check :
             {cleartext(), md5(), scram(), check_of(PasswordMethod::md5, stored_scram())}) {
            for (const char* password : {"secret", "Secret"}) {
                SCOPED_TRACE(static_cast<int>(mode));
                SCOPED_TRACE(static_cast<int>(check.method));
                SCOPED_TRACE(password);
                connected_.reset();
                tasks_.spawn(connect(options(password, mode)));
                tasks_.spawn(open(accept(), check));
                EXPECT_TRUE(test::run_until(context_, [&] { return connected_.has_value(); }));
                EXPECT_EQ(connected_->has_value(), password == "secret"sv);
                if (*connected_) continue;
                ASSERT_TRUE(connected_->error().server);
                EXPECT_EQ(connected_->error().server->message, failed_text);
            }
        }
    }
}

}  // namespace
}  // namespace sluice::pg
