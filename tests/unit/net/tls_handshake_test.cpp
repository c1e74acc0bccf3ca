#include "tests/unit/net/tls_stream_fixture.hpp"

#include <boost/asio/basic_stream_socket.hpp>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <cstdio>

// What a TLS handshake agrees on, what it refuses, and what is known after it.

namespace sluice::net {
namespace {

using test::run_coroutine;
using Negotiation = TlsStream::Negotiation;

class TlsHandshakeTest : public TlsStreamFixture {};

struct Version {
    const char* name;
    int number;
};

std::shared_ptr<const TlsClientContext> client_of_version(int version) {
    const auto made = client_context();
    SSL_CTX_set_max_proto_version(made->native(), version);
    return made;
}

TEST_F(TlsHandshakeTest, CarriesBytesBothWays) {
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

TEST_F(TlsHandshakeTest, OldVersionsAreRefused) {
    HandshakeOptions options;
    options.client = client_of_version(TLS1_1_VERSION);
    SSL_CTX_set_min_proto_version(options.client->native(), TLS1_1_VERSION);
    SSL_CTX_set_cipher_list(options.client->native(), "ALL@SECLEVEL=0");

    auto shaken = shake_hands(context, test::tcp_pair(context), options);

    ASSERT_FALSE(shaken.server.has_value());
    EXPECT_EQ(shaken.server.error().message(), "TLS: unsupported protocol");
}

TEST_F(TlsHandshakeTest, TheServerLearnsTheNameThatTheClientAsksFor) {
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

TEST_F(TlsHandshakeTest, ClientsVerifyAsTheirModeDemands) {
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

TEST_F(TlsHandshakeTest, ClientsOfferTheProtocolAndTheNameAsTold) {
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

TEST_F(TlsHandshakeTest, ClientsKeepToTheirVersions) {
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

TEST_F(TlsHandshakeTest, ClientsShowTheirCertificateWhenAsked) {
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

TEST_F(TlsHandshakeTest, AlpnMustBePostgresqlWhenOfferedAndAlwaysForDirectTls) {
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

TEST_F(TlsHandshakeTest, DirectTlsBeginsWithBytesThatWereReadBefore) {
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

TEST_F(TlsHandshakeTest, AHandshakeWithSomethingElseFails) {
    auto pair = test::tcp_pair(context);
    pair.client->try_write(as_bytes("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));

    const auto accepted = run_coroutine(
        context,
        TlsStream::accept(std::move(pair.server), server_context(), {}, Negotiation::ssl_request));

    ASSERT_FALSE(accepted.has_value());
    EXPECT_EQ(accepted.error().message(), "TLS: http request");
    EXPECT_EQ(accepted.error().kind, ErrorKind::peer);
}

TEST_F(TlsHandshakeTest, AClientThatLeavesDuringTheHandshakeIsADisconnect) {
    auto pair = test::tcp_pair(context);
    pair.client.reset();

    const auto accepted = run_coroutine(
        context,
        TlsStream::accept(std::move(pair.server), server_context(), {}, Negotiation::ssl_request));

    ASSERT_FALSE(accepted.has_value());
    EXPECT_TRUE(is_disconnect(accepted.error().code)) << accepted.error().message();
}

TEST_F(TlsHandshakeTest, AHandshakeEndsAtTheDeadline) {
    auto pair = test::tcp_pair(context);
    pair.server->set_deadline(soon());

    const auto accepted = run_coroutine(
        context,
        TlsStream::accept(std::move(pair.server), server_context(), {}, Negotiation::ssl_request));

    ASSERT_FALSE(accepted.has_value());
    EXPECT_TRUE(is_timeout(accepted.error().code)) << accepted.error().message();
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

TEST_F(TlsHandshakeTest, TheEndPointIsTheCertificatesHashOnBothSides) {
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
