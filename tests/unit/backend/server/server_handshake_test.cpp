#include "backend/server/server_handshake.hpp"

#include "backend/protocol/errc.hpp"
#include "common/net/tls_stream.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/coroutine.hpp"
#include "tests/support/socket_pair.hpp"
#include "tests/unit/backend/bytes.hpp"

#include <gtest/gtest.h>

#include <sys/socket.h>

namespace sluice::pg {
namespace {

using namespace std::string_view_literals;
using Outcome = Result<std::optional<Opening>>;

const Bytes ssl_request = startup_packet(1234, 5679, "");
const Bytes startup = startup_packet(3, 0, "user\0app\0\0"sv);

std::shared_ptr<const net::TlsServerContext> server_context() {
    static const test::TestCertificates certificates;
    static const auto loaded =
        net::TlsServerContext::load({certificates.server.certificate, certificates.server.key},
                                    net::TlsServerContext::Alpn::postgresql);
    return *loaded;
}

std::shared_ptr<const net::TlsClientContext> client_context() {
    return *net::TlsClientContext::make(net::TlsMode::require, std::nullopt);
}

// One handshake against a client that the test plays.
struct Fixture {
    boost::asio::io_context context;
    test::StreamPair pair = test::tcp_pair(context);
    std::unique_ptr<net::SocketStream> client = std::move(pair.client);
    std::optional<Outcome> outcome;

    void start(ServerHandshakeOptions options) {
        boost::asio::co_spawn(context,
                              run(std::move(pair.server), std::move(options), outcome),
                              [](const std::exception_ptr&) {});
    }
    static net::Awaitable<void> run(std::unique_ptr<net::SocketStream> socket,
                                    ServerHandshakeOptions options,
                                    std::optional<Outcome>& outcome) {
        auto opening = co_await server_handshake(std::move(socket), std::move(options));
        outcome.emplace(std::move(opening));
    }
    void send(ByteView bytes) {
        ASSERT_TRUE(test::run_coroutine(context, client->write_all(bytes)));
    }
    void send_end() { ASSERT_TRUE(test::run_coroutine(context, client->shutdown_send())); }
    // Up to `count` bytes, fewer at the end of the stream.
    std::string receive(std::size_t count) {
        std::string text;
        while (text.size() < count) {
            Bytes chunk(count - text.size());
            auto got = test::run_coroutine(context, client->read_some(chunk));
            if (!got || *got == 0) break;
            text += as_text(ByteView(chunk).first(*got));
        }
        return text;
    }
    std::string receive_all() { return receive(100'000); }
    Outcome& finish() {
        EXPECT_TRUE(test::run_until(context, [&] { return outcome.has_value(); }));
        return *outcome;
    }
};

TEST(ServerHandshake, ReturnsThePacketAsItCameAndWhatFollowed) {
    Fixture fixture;
    Bytes bytes = startup;
    append(bytes, "pipelined"sv);
    fixture.send(bytes);
    fixture.start({});
    auto& opening = fixture.finish();
    ASSERT_TRUE(opening && *opening);
    EXPECT_EQ((*opening)->startup_bytes, startup);
    EXPECT_EQ(as_text((*opening)->received), "pipelined");
    EXPECT_EQ(std::get<StartupMessage>((*opening)->request).user(), "app");
    EXPECT_FALSE((*opening)->stream->encrypted());
    EXPECT_EQ((*opening)->tls_version, "");
}

TEST(ServerHandshake, BearsAPacketInSingleBytes) {
    Fixture fixture;
    fixture.start({});
    for (const std::uint8_t byte : startup) fixture.send(Bytes{byte});
    auto& opening = fixture.finish();
    ASSERT_TRUE(opening && *opening);
    EXPECT_EQ((*opening)->startup_bytes, startup);
}

TEST(ServerHandshake, TakesTheLargestPacket) {
    Fixture fixture;
    std::string body("user\0a\0options\0"sv);
    body += std::string(10'000 - 8 - 15 - 2, 'x') + std::string(2, '\0');
    fixture.start({});
    fixture.send(startup_packet(3, 0, body));
    auto& opening = fixture.finish();
    ASSERT_TRUE(opening && *opening);
    EXPECT_EQ((*opening)->startup_bytes.size(), startup_bytes_max);
}

TEST(ServerHandshake, APortProbeIsNoError) {
    Fixture closed;
    closed.client.reset();
    closed.start({});
    auto& nothing = closed.finish();
    ASSERT_TRUE(nothing);
    EXPECT_FALSE(*nothing);

    Fixture reset;
    const ::linger at_once = {1, 0};
    ::setsockopt(reset.client->native_handle(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    reset.client.reset();
    reset.start({});
    auto& still_nothing = reset.finish();
    ASSERT_TRUE(still_nothing);
    EXPECT_FALSE(*still_nothing);
}

TEST(ServerHandshake, AClientThatGoesAwayIsADisconnect) {
    Fixture partial;
    partial.send(ByteView(startup).first(6));
    partial.client.reset();
    partial.start({});
    auto& cut = partial.finish();
    ASSERT_FALSE(cut);
    EXPECT_EQ(cut.error().kind, ErrorKind::client_disconnect);
    EXPECT_TRUE(is_disconnect(cut.error().code));

    Fixture refused;
    refused.start({});
    refused.send(ssl_request);
    EXPECT_EQ(refused.receive(1), "N");
    refused.client.reset();
    auto& gone = refused.finish();
    ASSERT_FALSE(gone);
    EXPECT_EQ(gone.error().kind, ErrorKind::client_disconnect);
}

TEST(ServerHandshake, TellsTheClientWhatIsWrong) {
    struct Case {
        const char* name;
        Bytes sent;
        std::string_view code;
        std::string_view text;
    };
    const Case cases[] = {
        {"length 0", bytes_of("\0\0\0\0"sv), "08P01", "invalid length of startup packet"},
        {"length 5", bytes_of("\0\0\0\5\0\3\0\0"sv), "08P01", "invalid length of startup packet"},
        {"length 7", bytes_of("\0\0\0\7\0\3\0\0"sv), "08P01", "invalid length of startup packet"},
        {"length 10001",
         bytes_of("\0\0\x27\x11\0\3\0\0"sv),
         "08P01",
         "invalid length of startup packet"},
        {"length 2^31",
         bytes_of("\x80\0\0\0\0\3\0\0"sv),
         "08P01",
         "invalid length of startup packet"},
        {"version 4",
         startup_packet(4, 0, "\0"sv),
         "0A000",
         "unsupported frontend protocol 4.0: server supports 3.0 to 3.2"},
        {"no user",
         startup_packet(3, 0, "\0"sv),
         "28000",
         "no PostgreSQL user name specified in startup packet"},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(test.name);
        Fixture fixture;
        fixture.start({});
        fixture.send(test.sent);
        fixture.send_end();
        const Bytes answer = bytes_of(fixture.receive_all());
        ASSERT_GT(answer.size(), 5U);
        EXPECT_EQ(answer[0], 'E');
        const auto fields = parse_error_fields(ByteView(answer).subspan(5));
        ASSERT_TRUE(fields);
        EXPECT_EQ(fields->severity, "FATAL");
        EXPECT_EQ(fields->code, test.code);
        EXPECT_EQ(fields->message, test.text);
        auto& outcome = fixture.finish();
        ASSERT_FALSE(outcome);
        EXPECT_EQ(outcome.error().kind, ErrorKind::client);
    }
}

TEST(ServerHandshake, ReportsCancelRequests) {
    Fixture fixture;
    fixture.start({});
    fixture.send(startup_packet(1234, 5678, "pid!0123456789"));
    auto& opening = fixture.finish();
    ASSERT_TRUE(opening && *opening);
    EXPECT_EQ(as_text(std::get<CancelRequest>((*opening)->request).key), "0123456789");
    EXPECT_TRUE((*opening)->startup_bytes.empty());
}

TEST(ServerHandshake, DropsDataBehindAnEncryptionRequestWithoutAWord) {
    for (const bool tls : {false, true}) {
        Fixture fixture;
        Bytes bytes = ssl_request;
        append(bytes, ByteView(startup));
        fixture.send(bytes);
        fixture.send_end();
        ServerHandshakeOptions options;
        if (tls) options.tls = server_context();
        fixture.start(std::move(options));
        auto& outcome = fixture.finish();
        ASSERT_FALSE(outcome);
        EXPECT_EQ(outcome.error().code, Errc::data_before_tls);
        EXPECT_EQ(fixture.receive_all(), "");
    }
}

TEST(ServerHandshake, GivesUpAtItsDeadline) {
    Fixture fixture;
    fixture.send(ByteView(startup).first(6));
    ServerHandshakeOptions options;
    options.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(30);
    fixture.start(std::move(options));
    auto& outcome = fixture.finish();
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().kind, ErrorKind::limit);
    EXPECT_TRUE(is_timeout(outcome.error().code));
}

TEST(ServerHandshake, RequiresTlsWhenToldSo) {
    Fixture fixture;
    ServerHandshakeOptions options;
    options.tls = server_context();
    options.tls_required = true;
    fixture.start(std::move(options));
    fixture.send(startup);
    fixture.send_end();
    EXPECT_NE(fixture.receive_all().find("must connect with TLS"), std::string::npos);
    EXPECT_EQ(fixture.finish().error().code, Errc::insecure_connection);
}

TEST(ServerHandshake, UpgradesToTls) {
    Fixture fixture;
    ServerHandshakeOptions options;
    options.tls = server_context();
    options.tls_required = true;
    fixture.start(std::move(options));
    fixture.send(ssl_request);
    ASSERT_EQ(fixture.receive(1), "S");
    auto tls = test::run_coroutine(
        fixture.context,
        net::TlsStream::connect(std::move(fixture.client), client_context(), "localhost"));
    ASSERT_TRUE(tls);
    Bytes bytes = startup;
    append(bytes, "more"sv);
    ASSERT_TRUE(test::run_coroutine(fixture.context, (*tls)->write_all(bytes)));
    auto& opening = fixture.finish();
    ASSERT_TRUE(opening && *opening);
    EXPECT_TRUE((*opening)->stream->encrypted());
    EXPECT_EQ((*opening)->server_name, "localhost");
    EXPECT_EQ((*opening)->tls_version, "TLSv1.3");
    EXPECT_EQ((*opening)->startup_bytes, startup);
    EXPECT_EQ(as_text((*opening)->received), "more");
}

TEST(ServerHandshake, SurvivesGarbageInPlaceOfATlsHandshake) {
    Fixture fixture;
    ServerHandshakeOptions options;
    options.tls = server_context();
    fixture.start(std::move(options));
    fixture.send(ssl_request);
    ASSERT_EQ(fixture.receive(1), "S");
    fixture.send(startup);
    auto& outcome = fixture.finish();
    ASSERT_FALSE(outcome);
    EXPECT_FALSE(is_violation(outcome.error().code));
}

TEST(ServerHandshake, DirectTlsNeedsAlpn) {
    Fixture fixture;
    ServerHandshakeOptions options;
    options.tls = server_context();
    fixture.start(std::move(options));
    // This client offers no protocol, as one that speaks SSLRequest does not either.
    auto tls = test::run_coroutine(
        fixture.context,
        net::TlsStream::connect(std::move(fixture.client), client_context(), "localhost"));
    EXPECT_FALSE(fixture.finish());
}

TEST(ServerHandshake, DirectTlsWithAlpnIsAccepted) {
    Fixture fixture;
    ServerHandshakeOptions options;
    options.tls = server_context();
    options.tls_required = true;
    fixture.start(std::move(options));
    net::TlsClientOptions client;
    client.offer_alpn = true;
    auto tls = test::run_coroutine(
        fixture.context,
        net::TlsStream::connect(
            std::move(fixture.client), *net::TlsClientContext::make(client), "localhost"));
    ASSERT_TRUE(tls);
    ASSERT_TRUE(test::run_coroutine(fixture.context, (*tls)->write_all(startup)));
    auto& opening = fixture.finish();
    ASSERT_TRUE(opening && *opening);
    EXPECT_TRUE((*opening)->stream->encrypted());
    EXPECT_EQ((*opening)->startup_bytes, startup);
}

}  // namespace
}  // namespace sluice::pg
