#include "common/net/tls_stream.hpp"

#include "common/net/timer.hpp"
#include "tests/unit/net/tls_fixture.hpp"

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/co_spawn.hpp>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <sys/socket.h>
#include <unistd.h>

#include <random>

namespace sluice::net {
namespace {

using std::chrono::milliseconds;
using test::run_coroutine;
using test::run_until;
using Negotiation = TlsStream::Negotiation;
using Status = ByteStream::Attempt::Status;

Deadline soon() { return std::chrono::steady_clock::now() + milliseconds(3); }

Awaitable<Result<std::string>> read_text(ByteStream& stream) {
    Bytes buffer(100);
    const auto count = co_await stream.read_some(buffer);
    if (!count) co_return count.error();
    co_return std::string(as_text(ByteView(buffer).first(*count)));
}

// Bytes that differ everywhere, so that a lost or doubled one shows.
Bytes pattern(std::size_t size) {
    Bytes bytes(size);
    std::minstd_rand random(4711);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
    return bytes;
}

Awaitable<Result<Bytes>> read_exactly(ByteStream& stream, std::size_t size) {
    Bytes bytes(size);
    std::size_t done = 0;
    while (done < size) {
        const auto count = co_await stream.read_some(ByteSpan(bytes).subspan(done));
        if (!count) co_return count.error();
        if (*count == 0) break;
        done += *count;
    }
    bytes.resize(done);
    co_return bytes;
}

class TlsStreamTest : public ::testing::Test {
protected:
    boost::asio::io_context context;
    std::unique_ptr<TlsStream> client;
    std::unique_ptr<TlsStream> server;

    void establish(HandshakeOptions options = {}) { establish(test::tcp_pair(context), options); }
    void establish(test::StreamPair pair, HandshakeOptions options = {}) {
        auto shaken = shake_hands(context, std::move(pair), std::move(options));
        ASSERT_TRUE(shaken.client.has_value()) << shaken.client.error().message();
        ASSERT_TRUE(shaken.server.has_value()) << shaken.server.error().message();
        client = std::move(*shaken.client);
        server = std::move(*shaken.server);
    }
    void establish_with_small_buffers() { establish(test::narrow_pair(context)); }
    std::string read(ByteStream& stream) {
        const auto text = run_coroutine(context, read_text(stream));
        return text ? *text : text.error().message();
    }
    void write(ByteStream& stream, std::string_view text) {
        ASSERT_TRUE(run_coroutine(context, stream.write_all(as_bytes(text))).has_value());
    }
};

struct Version {
    const char* name;
    int number;
};

std::shared_ptr<const TlsClientContext> client_of_version(int version) {
    const auto made = client_context();
    SSL_CTX_set_max_proto_version(made->native(), version);
    return made;
}

TEST_F(TlsStreamTest, CarriesBytesBothWays) {
    constexpr Version versions[] = {{"TLSv1.2", TLS1_2_VERSION}, {"TLSv1.3", TLS1_3_VERSION}};
    for (const auto& version : versions) {
        SCOPED_TRACE(version.name);
        HandshakeOptions options;
        options.client = client_of_version(version.number);
        establish(options);

        write(*client, "question");
        EXPECT_EQ(read(*server), "question");
        write(*server, "answer");
        EXPECT_EQ(read(*client), "answer");
        EXPECT_EQ(server->version(), version.name);
        EXPECT_TRUE(server->encrypted());
        EXPECT_EQ(server->peer_address(), "127.0.0.1");
    }
}

TEST_F(TlsStreamTest, OldVersionsAreRefused) {
    HandshakeOptions options;
    options.client = client_of_version(TLS1_1_VERSION);
    SSL_CTX_set_min_proto_version(options.client->native(), TLS1_1_VERSION);
    SSL_CTX_set_cipher_list(options.client->native(), "ALL@SECLEVEL=0");

    auto shaken = shake_hands(context, test::tcp_pair(context), options);

    ASSERT_FALSE(shaken.server.has_value());
    EXPECT_EQ(shaken.server.error().message(), "TLS: unsupported protocol");
}

TEST_F(TlsStreamTest, WorksOverUnixSockets) {
    establish(test::unix_pair(context));

    write(*client, "question");
    EXPECT_EQ(read(*server), "question");
}

TEST_F(TlsStreamTest, TheServerLearnsTheNameThatTheClientAsksFor) {
    HandshakeOptions options;
    options.name = "warehouse.localhost";
    establish(options);
    EXPECT_EQ(server->server_name(), "warehouse.localhost");

    options.name = "127.0.0.1";
    establish(options);
    EXPECT_EQ(server->server_name(), "");
}

struct Verification {
    const char* name;
    TlsMode mode;
    std::string host;
    bool known_authority;
    const char* client_error;  // nullptr: accepted
};

TEST_F(TlsStreamTest, ClientsVerifyAsTheirModeDemands) {
    const test::TestCertificates stranger;
    const Verification cases[] = {
        {"require looks at nothing", TlsMode::require, "elsewhere", false, nullptr},
        {"verify-ca wants a known authority",
         TlsMode::verify_ca,
         "localhost",
         false,
         "certificate verify failed: "},
        {"verify-ca takes any name", TlsMode::verify_ca, "elsewhere", true, nullptr},
        {"verify-full wants a known authority",
         TlsMode::verify_full,
         "localhost",
         false,
         "certificate verify failed: "},
        {"verify-full wants the name",
         TlsMode::verify_full,
         "elsewhere",
         true,
         "certificate verify failed: hostname mismatch"},
        {"verify-full takes the name", TlsMode::verify_full, "localhost", true, nullptr},
        {"verify-full takes the address", TlsMode::verify_full, "127.0.0.1", true, nullptr},
        {"verify-full wants the address",
         TlsMode::verify_full,
         "127.0.0.2",
         true,
         "certificate verify failed: IP address mismatch"},
    };
    for (const auto& verification : cases) {
        SCOPED_TRACE(verification.name);
        const auto& authority =
            verification.known_authority ? certificates().authority : stranger.authority;
        HandshakeOptions options;
        options.client = *TlsClientContext::make(verification.mode, authority.certificate);
        options.name = verification.host;

        const auto shaken = shake_hands(context, test::tcp_pair(context), options);

        EXPECT_EQ(shaken.client.has_value(), verification.client_error == nullptr);
        if (shaken.client || verification.client_error == nullptr) continue;
        const auto message = shaken.client.error().message();
        EXPECT_NE(message.find(verification.client_error), std::string::npos) << message;
    }
}

std::shared_ptr<const TlsClientContext> client_that_offers(std::string_view protocol) {
    auto made = client_context();
    std::string list(1, static_cast<char>(protocol.size()));
    list += protocol;
    SSL_CTX_set_alpn_protos(
        made->native(), as_bytes(list).data(), static_cast<unsigned>(list.size()));
    return made;
}

TEST_F(TlsStreamTest, ClientsOfferTheProtocolAndTheNameAsTold) {
    HandshakeOptions options;
    establish(options);
    EXPECT_FALSE(client->alpn_selected());
    EXPECT_EQ(server->server_name(), "localhost");

    TlsClientOptions chosen;
    chosen.offer_alpn = true;
    chosen.send_server_name = false;
    options.client = *TlsClientContext::make(chosen);
    options.negotiation = Negotiation::direct;
    establish(options);
    EXPECT_TRUE(client->alpn_selected());
    EXPECT_TRUE(server->alpn_selected());
    EXPECT_EQ(server->server_name(), "");
}

TEST_F(TlsStreamTest, ClientsKeepToTheirVersions) {
    HandshakeOptions options;
    TlsClientOptions chosen;
    chosen.max_version = TlsVersion::tls_1_2;
    options.client = *TlsClientContext::make(chosen);
    establish(options);
    EXPECT_EQ(client->version(), "TLSv1.2");

    SSL_CTX_set_max_proto_version(options.server->native(), TLS1_2_VERSION);
    chosen.min_version = TlsVersion::tls_1_3;
    chosen.max_version = TlsVersion::tls_1_3;
    options.client = *TlsClientContext::make(chosen);
    EXPECT_FALSE(shake_hands(context, test::tcp_pair(context), options).client.has_value());
}

TEST_F(TlsStreamTest, ClientsShowTheirCertificateWhenAsked) {
    const test::TemporaryFolder folder;
    const auto identity = test::make_self_signed(folder.path(), test::SelfSigned::ecdsa_sha256);
    std::filesystem::permissions(identity.key, std::filesystem::perms(0600));
    HandshakeOptions options;
    SSL_CTX_set_verify(
        options.server->native(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    SSL_CTX_load_verify_file(options.server->native(), identity.certificate.c_str());
    EXPECT_FALSE(shake_hands(context, test::tcp_pair(context), options).server.has_value());

    TlsClientOptions chosen;
    chosen.identity = {identity.certificate, identity.key};
    options.client = *TlsClientContext::make(chosen);
    EXPECT_TRUE(shake_hands(context, test::tcp_pair(context), options).server.has_value());
}

struct AlpnCase {
    const char* name;
    const char* offered;  // nullptr: no ALPN
    Negotiation negotiation;
    bool accepted;
};

TEST_F(TlsStreamTest, AlpnMustBePostgresqlWhenOfferedAndAlwaysForDirectTls) {
    const AlpnCase cases[] = {
        {"none after SSLRequest", nullptr, Negotiation::ssl_request, true},
        {"postgresql after SSLRequest", "postgresql", Negotiation::ssl_request, true},
        {"another after SSLRequest", "http/1.1", Negotiation::ssl_request, false},
        {"none, direct", nullptr, Negotiation::direct, false},
        {"postgresql, direct", "postgresql", Negotiation::direct, true},
        {"another, direct", "h2", Negotiation::direct, false},
    };
    for (const auto& alpn : cases) {
        SCOPED_TRACE(alpn.name);
        HandshakeOptions options;
        if (alpn.offered != nullptr) options.client = client_that_offers(alpn.offered);
        options.negotiation = alpn.negotiation;

        const auto shaken = shake_hands(context, test::tcp_pair(context), options);

        EXPECT_EQ(shaken.server.has_value(), alpn.accepted);
        EXPECT_EQ(shaken.client.has_value(), alpn.accepted);
        if (alpn.accepted || shaken.client) continue;
        const auto message = shaken.client.error().message();
        EXPECT_NE(message.find("no application protocol"), std::string::npos) << message;
    }
}

Awaitable<TlsResult> accept_after_reading(std::unique_ptr<SocketStream> socket,
                                          std::size_t read_before) {
    Bytes received(read_before);
    const auto count = co_await socket->read_some(received);
    received.resize(*count);
    co_return co_await TlsStream::accept(
        std::move(socket), server_context(), std::move(received), Negotiation::direct);
}

TEST_F(TlsStreamTest, DirectTlsBeginsWithBytesThatWereReadBefore) {
    for (const std::size_t read_before : {1U, 8U, 100'000U}) {
        SCOPED_TRACE(read_before);
        auto pair = test::tcp_pair(context);
        auto results = run_coroutine(
            context,
            both(TlsStream::connect(
                     std::move(pair.client), client_that_offers("postgresql"), "localhost"),
                 accept_after_reading(std::move(pair.server), read_before)));
        auto& accepted = std::get<1>(results);
        ASSERT_TRUE(accepted.has_value()) << accepted.error().message();

        write(**std::get<0>(results), "question");
        EXPECT_EQ(read(**accepted), "question");
    }
}

TEST_F(TlsStreamTest, AHandshakeWithSomethingElseFails) {
    auto pair = test::tcp_pair(context);
    pair.client->try_write(as_bytes("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));

    const auto accepted = run_coroutine(
        context,
        TlsStream::accept(std::move(pair.server), server_context(), {}, Negotiation::ssl_request));

    ASSERT_FALSE(accepted.has_value());
    EXPECT_EQ(accepted.error().message(), "TLS: http request");
    EXPECT_EQ(accepted.error().kind, ErrorKind::peer);
}

TEST_F(TlsStreamTest, AClientThatLeavesDuringTheHandshakeIsADisconnect) {
    auto pair = test::tcp_pair(context);
    pair.client.reset();

    const auto accepted = run_coroutine(
        context,
        TlsStream::accept(std::move(pair.server), server_context(), {}, Negotiation::ssl_request));

    ASSERT_FALSE(accepted.has_value());
    EXPECT_TRUE(is_disconnect(accepted.error().code)) << accepted.error().message();
}

TEST_F(TlsStreamTest, AHandshakeEndsAtTheDeadline) {
    auto pair = test::tcp_pair(context);
    pair.server->set_deadline(soon());

    const auto accepted = run_coroutine(
        context,
        TlsStream::accept(std::move(pair.server), server_context(), {}, Negotiation::ssl_request));

    ASSERT_FALSE(accepted.has_value());
    EXPECT_TRUE(is_timeout(accepted.error().code)) << accepted.error().message();
}

Awaitable<bool> write_then_wait(ByteStream& stream, const Bytes& bytes, Bytes& read) {
    auto reading = read_exactly(stream, bytes.size());
    auto writing = stream.write_all(bytes);
    auto results = co_await both(std::move(reading), std::move(writing));
    read = std::move(*std::get<0>(results));
    co_return std::get<1>(results).has_value();
}

TEST_F(TlsStreamTest, BothDirectionsAtOnceThroughSmallBuffers) {
    establish_with_small_buffers();
    const Bytes sent = pattern(1'000'000);
    Bytes at_server;
    Bytes at_client;

    const auto results = run_coroutine(
        context,
        both(write_then_wait(*client, sent, at_client), write_then_wait(*server, sent, at_server)));

    EXPECT_TRUE(std::get<0>(results) && std::get<1>(results));
    EXPECT_TRUE(at_server == sent);
    EXPECT_TRUE(at_client == sent);
}

TEST_F(TlsStreamTest, AWaitingReadDoesNotHoldUpAWrite) {
    establish();
    auto waiting = read_text(*server);
    auto writing = server->write_all(as_bytes("first"));

    const auto first = run_coroutine(context, race(std::move(waiting), std::move(writing)));

    ASSERT_EQ(first.index(), 1U);
    EXPECT_TRUE(std::get<1>(first).has_value());
    EXPECT_EQ(read(*client), "first");
}

// One attempt; adds to `done` itself, because a race drops the result of the one that ends second.
Awaitable<bool> read_more(ByteStream& stream, ByteSpan into, std::size_t& done) {
    const auto count = co_await stream.read_some(into);
    if (count) done += *count;
    co_return count || count.error().code == boost::system::errc::operation_canceled;
}

Awaitable<bool> write_more(ByteStream& stream, ByteView bytes, std::size_t& done) {
    const auto count = co_await stream.write_some(bytes);
    if (count) done += *count;
    co_return count || count.error().code == boost::system::errc::operation_canceled;
}

Awaitable<bool> read_with_cancellations(ByteStream& stream, Bytes& bytes) {
    std::size_t done = 0;
    while (done < bytes.size()) {
        auto reading = read_more(stream, ByteSpan(bytes).subspan(done), done);
        auto impatient = sleep_for(std::chrono::microseconds(done % 3 * 20));
        const auto first = co_await race(std::move(reading), std::move(impatient));
        if (first.index() == 0 && !std::get<0>(first)) co_return false;
    }
    co_return true;
}

Awaitable<bool> write_with_cancellations(ByteStream& stream, const Bytes& bytes) {
    std::size_t done = 0;
    std::size_t size = 1;
    while (done < bytes.size()) {
        // Also fewer bytes than the cancelled attempt offered.
        size = size * 7919 % 50'000 + 1;
        const auto left = ByteView(bytes).subspan(done);
        auto writing = write_more(stream, left.first(std::min(left.size(), size)), done);
        auto impatient = sleep_for(std::chrono::microseconds(size % 30));
        const auto first = co_await race(std::move(writing), std::move(impatient));
        if (first.index() == 0 && !std::get<0>(first)) co_return false;
    }
    co_return true;
}

TEST_F(TlsStreamTest, CancelledReadsAndWritesLoseNothing) {
    establish_with_small_buffers();
    const Bytes sent = pattern(1'000'000);
    Bytes received(sent.size());

    const auto results = run_coroutine(
        context,
        both(write_with_cancellations(*client, sent), read_with_cancellations(*server, received)));

    EXPECT_TRUE(std::get<0>(results));
    EXPECT_TRUE(std::get<1>(results));
    EXPECT_TRUE(received == sent);
}

TEST_F(TlsStreamTest, TheEndOfTheStreamIsNoBytes) {
    establish();

    EXPECT_TRUE(run_coroutine(context, client->shutdown_send()).has_value());

    EXPECT_EQ(read(*server), "");
    Bytes buffer(10);
    EXPECT_EQ(server->try_read(buffer).status, Status::end);
    write(*server, "still open this way");
    EXPECT_EQ(read(*client), "still open this way");
}

TEST_F(TlsStreamTest, AnEndWithoutCloseNotifyIsAnEndToo) {
    establish();

    client.reset();

    EXPECT_EQ(read(*server), "");
}

TEST_F(TlsStreamTest, ShutdownDoesNotWaitLongForAPeerThatTakesNothing) {
    establish_with_small_buffers();
    const Bytes block(65536);
    while (server->try_write(block).status == Status::done) {
    }

    const auto ended = run_coroutine(context, server->shutdown_send());

    ASSERT_FALSE(ended.has_value());
    EXPECT_TRUE(is_timeout(ended.error().code)) << ended.error().message();
}

Awaitable<Result<void>> shut_down(ByteStream& stream) { co_return co_await stream.shutdown_send(); }

Awaitable<Result<Bytes>> read_to_the_end(ByteStream& stream) {
    Bytes received;
    Bytes buffer(65536);
    for (;;) {
        const auto count = co_await stream.read_some(buffer);
        if (!count) co_return count.error();
        if (*count == 0) co_return received;
        received.insert(received.end(), buffer.begin(), buffer.begin() + std::ptrdiff_t(*count));
    }
}

TEST_F(TlsStreamTest, ShutdownFollowsARecordThatWasCancelledHalfway) {
    establish_with_small_buffers();
    const Bytes sent = pattern(4'000'000);
    std::size_t written = 0;
    for (;;) {
        const auto attempt = server->try_write(ByteView(sent).subspan(written, 100'000));
        if (attempt.status != Status::done) break;
        written += attempt.count;
    }

    auto results = run_coroutine(context, both(shut_down(*server), read_to_the_end(*client)));

    EXPECT_TRUE(std::get<0>(results).has_value()) << std::get<0>(results).error().message();
    const auto& received = *std::get<1>(results);
    EXPECT_GE(received.size(), written);
    EXPECT_TRUE(std::equal(received.begin(), received.end(), sent.begin()));
}

TEST_F(TlsStreamTest, TryReadAndTryWriteTellTheStatesApart) {
    establish();
    Bytes buffer(10);
    EXPECT_EQ(server->try_read(buffer).status, Status::would_block);
    EXPECT_EQ(client->try_write(as_bytes("now")).count, 3U);
    const auto attempt = server->try_read(buffer);
    EXPECT_EQ(attempt.status, Status::done);
    EXPECT_EQ(attempt.count, 3U);
    server->close();
    EXPECT_EQ(server->try_read(buffer).status, Status::failed);
    EXPECT_EQ(server->try_write(buffer).status, Status::failed);
}

TEST_F(TlsStreamTest, WorksOnOutsideItsContext) {
    establish();
    server->detach();
    write(*client, "one");
    write(*client, "two");
    Bytes buffer(10);

    // Both records at once, and the knowledge that this is all.
    const auto attempt = server->try_read(buffer);
    EXPECT_EQ(attempt.count, 6U);
    EXPECT_FALSE(attempt.more);
    EXPECT_EQ(server->try_read(buffer).status, Status::would_block);
    EXPECT_EQ(server->try_write(as_bytes("bye")).count, 3U);
    EXPECT_EQ(server->try_shutdown_send().status, Status::done);
    EXPECT_EQ(read(*client), "bye");
    EXPECT_EQ(read(*client), "");
}

TEST_F(TlsStreamTest, TryReadSeesWhatCameAfterAShortRead) {
    establish();
    write(*client, "one");
    EXPECT_EQ(read(*server), "one");
    write(*client, "two");
    Bytes buffer(10);

    EXPECT_EQ(server->try_read(buffer).count, 3U);
}

TEST_F(TlsStreamTest, SmallReadsTakeARecordPieceByPiece) {
    establish();
    write(*client, "abcdef");
    Bytes four(4);

    EXPECT_EQ(*run_coroutine(context, server->read_some(four)), 4U);
    EXPECT_EQ(*run_coroutine(context, server->read_some(four)), 2U);
    EXPECT_EQ(server->try_read(four).status, Status::would_block);
}

TEST_F(TlsStreamTest, DeadlinesEndReadsAndMayMove) {
    establish();
    server->set_deadline(soon());
    const auto late = run_coroutine(context, read_text(*server));
    EXPECT_TRUE(is_timeout(late.error().code)) << late.error().message();
    EXPECT_TRUE(is_timeout(run_coroutine(context, server->write_some(as_bytes("x"))).error().code));

    server->set_deadline(no_deadline);

    write(*client, "alive");
    EXPECT_EQ(read(*server), "alive");
}

Awaitable<bool> close_soon(ByteStream& stream) {
    co_await sleep_for(milliseconds(1));
    stream.close();
    co_return true;
}

TEST_F(TlsStreamTest, CloseEndsAPendingRead) {
    establish();

    const auto results = run_coroutine(context, both(read_text(*server), close_soon(*server)));

    EXPECT_EQ(std::get<0>(results).error().code, boost::system::errc::operation_canceled);
    EXPECT_FALSE(run_coroutine(context, server->shutdown_send()).has_value());
}

TEST_F(TlsStreamTest, ARecordThatWasTamperedWithIsAnError) {
    auto pair = test::tcp_pair(context);
    const int fd = ::dup(pair.client->native_handle());
    establish(std::move(pair));
    const std::string_view forged(
        "\x17\x03\x03\x00\x20"
        "................................",
        37);
    ASSERT_EQ(::send(fd, forged.data(), forged.size(), 0), 37);
    ::close(fd);

    const auto result = run_coroutine(context, read_text(*server));

    ASSERT_FALSE(result.has_value());
    EXPECT_TRUE(result.error().message().starts_with("TLS: ")) << result.error().message();
    EXPECT_TRUE(result.error().code);
    EXPECT_FALSE(is_disconnect(result.error().code));
}

TEST_F(TlsStreamTest, ACertificateReplacedLaterDoesNotDisturbASession) {
    HandshakeOptions options;
    establish(options);
    options.server.reset();

    write(*client, "question");
    EXPECT_EQ(read(*server), "question");
}

// A client made of OpenSSL alone, for what TlsStream never does itself.
class PlainClient {
public:
    explicit PlainClient(int fd) : context_(client_context()), ssl_(SSL_new(context_->native())) {
        SSL_set_fd(ssl_, fd);
        SSL_set_connect_state(ssl_);
    }
    ~PlainClient() { SSL_free(ssl_); }
    PlainClient(const PlainClient&) = delete;
    PlainClient& operator=(const PlainClient&) = delete;

    bool shake_hands() { return SSL_do_handshake(ssl_) == 1; }
    bool ask_for_new_keys() { return SSL_key_update(ssl_, SSL_KEY_UPDATE_REQUESTED) == 1; }
    bool write(std::string_view text) {
        return SSL_write(ssl_, text.data(), static_cast<int>(text.size())) > 0;
    }
    // What is there; false when the stream broke.
    bool read(Bytes& to) {
        Bytes block(16384);
        const int count = SSL_read(ssl_, block.data(), static_cast<int>(block.size()));
        if (count > 0) append(to, ByteView(block).first(static_cast<std::size_t>(count)));
        return count > 0 || SSL_get_error(ssl_, count) == SSL_ERROR_WANT_READ;
    }

private:
    std::shared_ptr<const TlsClientContext> context_;
    SSL* ssl_;
};

class KeyUpdateTest : public TlsStreamTest {
protected:
    test::StreamPair pair = test::narrow_pair(context);
    PlainClient plain{pair.client->native_handle()};

    void SetUp() override {
        auto accepting = TlsStream::accept(
            std::move(pair.server), server_context(), {}, Negotiation::ssl_request);
        std::optional<TlsResult> accepted;
        boost::asio::co_spawn(
            context, keep_value(std::move(accepting), accepted), [](const std::exception_ptr&) {});
        bool connected = false;
        ASSERT_TRUE(run_until(context, [&] {
            connected = connected || plain.shake_hands();
            return connected && accepted;
        }));
        server = std::move(**accepted);
    }
};

TEST_F(KeyUpdateTest, NewKeysInAnIdleSession) {
    Bytes received;
    ASSERT_TRUE(plain.ask_for_new_keys());
    ASSERT_TRUE(plain.write("question"));

    EXPECT_EQ(read(*server), "question");
    write(*server, "answer");

    EXPECT_TRUE(run_until(context, [&] { return !plain.read(received) || !received.empty(); }));
    EXPECT_EQ(as_text(received), "answer");
}

TEST_F(KeyUpdateTest, NewKeysWhileAWriteIsBlocked) {
    const Bytes sent = pattern(1'000'000);
    Bytes received;
    std::size_t written = 0;
    for (;;) {
        const auto attempt = server->try_write(ByteView(sent).subspan(written));
        if (attempt.status != Status::done) break;
        written += attempt.count;
    }
    ASSERT_TRUE(plain.ask_for_new_keys());
    ASSERT_TRUE(plain.write("question"));

    EXPECT_EQ(read(*server), "question");
    const auto rest = ByteView(sent).subspan(written);
    std::optional<Result<void>> finished;
    boost::asio::co_spawn(
        context, keep_value(server->write_all(rest), finished), [](const std::exception_ptr&) {});
    EXPECT_TRUE(run_until(context,
                          [&] { return !plain.read(received) || received.size() >= sent.size(); }));

    EXPECT_TRUE(received == sent);
    EXPECT_TRUE(finished && finished->has_value());
}

Bytes digest_of_certificate(const std::filesystem::path& file, const EVP_MD* algorithm) {
    std::FILE* stream = std::fopen(file.c_str(), "r");
    X509* certificate = PEM_read_X509(stream, nullptr, nullptr, nullptr);
    std::fclose(stream);
    Bytes digest(EVP_MAX_MD_SIZE);
    unsigned size = 0;
    X509_digest(certificate, algorithm, digest.data(), &size);
    X509_free(certificate);
    digest.resize(size);
    return digest;
}

struct EndPoint {
    const char* name;
    test::SelfSigned kind;
    const EVP_MD* digest;  // nullptr: undefined
};

TEST_F(TlsStreamTest, TheEndPointIsTheCertificatesHashOnBothSides) {
    const EndPoint cases[] = {
        {"SHA-1 becomes SHA-256", test::SelfSigned::ecdsa_sha1, EVP_sha256()},
        {"SHA-256", test::SelfSigned::ecdsa_sha256, EVP_sha256()},
        {"SHA-384", test::SelfSigned::ecdsa_sha384, EVP_sha384()},
        {"SHA-512", test::SelfSigned::ecdsa_sha512, EVP_sha512()},
        {"RSA", test::SelfSigned::rsa_sha256, EVP_sha256()},
        {"RSA-PSS names it beside the algorithm", test::SelfSigned::rsa_pss_sha384, EVP_sha384()},
        {"Ed25519 names no hash", test::SelfSigned::ed25519, nullptr},
    };
    for (const auto& point : cases) {
        SCOPED_TRACE(point.name);
        const test::TemporaryFolder folder;
        const auto pair = test::make_self_signed(folder.path(), point.kind);
        HandshakeOptions options;
        options.server = server_context(pair);
        establish(options);

        const auto expected = point.digest == nullptr
                                  ? Bytes()
                                  : digest_of_certificate(pair.certificate, point.digest);
        EXPECT_EQ(server->server_end_point(), expected);
        EXPECT_EQ(client->server_end_point(), expected);
    }
}

}  // namespace
}  // namespace sluice::net
