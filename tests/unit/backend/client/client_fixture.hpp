#pragma once

#include "backend/client/postgres_client.hpp"
#include "common/crypto/random_bytes.hpp"
#include "common/net/socket_stream.hpp"
#include "common/net/task_group.hpp"
#include "common/net/tls_stream.hpp"
#include "tests/support/coroutine.hpp"
#include "tests/unit/backend/bytes.hpp"
#include "tests/unit/backend/peer.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <gtest/gtest.h>

#include <sys/socket.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace sluice::pg {

// A listening socket whose connections the test answers.
class ScriptedServer {
public:
    explicit ScriptedServer(boost::asio::io_context& context) : context_(context) {
        acceptor_.non_blocking(true);
    }

    std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
    // From now on connections are refused.
    void close() { acceptor_.close(); }
    bool has_connection() {
        pending_ = pending_ >= 0 ? pending_ : ::accept(acceptor_.native_handle(), nullptr, nullptr);
        return pending_ >= 0;
    }
    std::unique_ptr<net::SocketStream> accept() {
        EXPECT_TRUE(test::run_until(context_, [this] { return has_connection(); }));
        net::StreamSocket socket(context_, {AF_INET, IPPROTO_TCP}, std::exchange(pending_, -1));
        return std::make_unique<net::SocketStream>(std::move(socket));
    }
    StartupPacket receive_startup(net::ByteStream& stream) {
        Bytes received;
        for (;;) {
            std::size_t size = 0;
            auto packet = parse_startup_packet(received, size);
            if (packet && *packet) return std::move(**packet);
            Bytes chunk(1024);
            auto count = test::run_coroutine(context_, stream.read_some(chunk));
            if (!packet || !count || *count == 0) throw std::runtime_error("no startup packet");
            append(received, ByteView(chunk).first(*count));
        }
    }
    // Accepts and reads the StartupMessage.
    Peer begin(StartupMessage* startup = nullptr) {
        auto stream = accept();
        auto message = std::get<StartupMessage>(receive_startup(*stream));
        if (startup != nullptr) *startup = std::move(message);
        return Peer(context_, std::move(stream));
    }

    // Accepts, answers an SSLRequest, shakes hands.
    std::unique_ptr<net::TlsStream> accept_tls(std::shared_ptr<const net::TlsServerContext> tls) {
        auto socket = accept();
        EXPECT_TRUE(std::holds_alternative<SslRequest>(receive_startup(*socket)));
        EXPECT_TRUE(test::run_coroutine(context_, socket->write_all(as_bytes("S"))));
        return shake_hands(std::move(socket), tls, net::TlsStream::Negotiation::ssl_request);
    }
    std::unique_ptr<net::TlsStream> shake_hands(std::unique_ptr<net::SocketStream> socket,
                                                std::shared_ptr<const net::TlsServerContext> tls,
                                                net::TlsStream::Negotiation negotiation) {
        auto accepted = test::run_coroutine(
            context_, net::TlsStream::accept(std::move(socket), tls, Bytes(), negotiation));
        if (!accepted) throw std::runtime_error(accepted.error().message());
        return std::move(*accepted);
    }
    // The other side of a connection whose startup packet is still to be read.
    Peer begin_on(std::unique_ptr<net::ByteStream> stream) {
        EXPECT_TRUE(std::holds_alternative<StartupMessage>(receive_startup(*stream)));
        return Peer(context_, std::move(stream));
    }

private:
    boost::asio::io_context& context_;
    boost::asio::ip::tcp::acceptor acceptor_{
        context_, boost::asio::ip::tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0)};
    int pending_ = -1;
};

// What a server says to let a client in, with these parameters.
inline Bytes welcome(
    const std::vector<std::pair<std::string_view, std::string_view>>& parameters = {}) {
    Bytes bytes;
    encode_authentication_ok(bytes);
    for (const auto& [name, value] : parameters) {
        EXPECT_TRUE(encode_parameter_status(bytes, name, value));
    }
    encode_ready_for_query(bytes, 'I');
    return bytes;
}

inline Bytes refusal(std::string_view code, std::string message) {
    Bytes bytes;
    encode_error_response(bytes, ErrorFields::fatal(code, std::move(message)));
    return bytes;
}

// A client whose server is played by the test.
class ClientTest : public testing::Test {
protected:
    using Connected = ClientResult<std::unique_ptr<PostgresClient>>;
    using Answered = ClientResult<QueryResult>;

    ClientTest() { crypto::initialise(); }
    ~ClientTest() override {
        peer_.reset();
        stop_tasks();
    }

    // Ended coroutines are done with first: from outside the context, cancel() must not meet one.
    void stop_tasks() {
        context_.restart();
        context_.poll();
        tasks_.cancel();
        EXPECT_TRUE(test::run_until(context_, [&] { return tasks_.running() == 0; }));
    }

    ConnectOptions options() {
        ConnectOptions chosen;
        chosen.host = "127.0.0.1";
        chosen.port = server_.port();
        chosen.user = "app";
        chosen.database = "shop";
        chosen.password = Secret("pw");
        return chosen;
    }
    ConnectOptions options(net::TlsMode mode, const std::filesystem::path& ca = {}) {
        ConnectOptions chosen = options();
        std::optional<std::filesystem::path> file;
        if (!ca.empty()) file = ca;
        chosen.tls = *net::TlsClientContext::make(mode, file);
        return chosen;
    }

    void start(ConnectOptions chosen) {
        connected_.reset();
        tasks_.spawn(connect(std::move(chosen)));
    }
    StartupPacket receive_startup(net::ByteStream& stream) {
        return server_.receive_startup(stream);
    }
    // Accepts, reads the StartupMessage; from here on the test is the server.
    Peer& begin() {
        peer_.emplace(server_.begin(&startup_));
        return *peer_;
    }
    Connected& finish() {
        EXPECT_TRUE(test::run_until(context_, [&] { return connected_.has_value(); }));
        return *connected_;
    }
    PostgresClient& client() { return **finish(); }
    // The reason why the login failed.
    std::string failure() {
        auto& outcome = finish();
        if (outcome) return "connected";
        EXPECT_EQ(outcome.error().error.kind, ErrorKind::compute);
        return outcome.error().error.detail;
    }
    void login() {
        start(options());
        begin().send(welcome());
        ASSERT_TRUE(finish());
    }
    void start_query(std::string sql, std::size_t bytes_max = 1U << 20U) {
        answered_.reset();
        tasks_.spawn(run_query(std::move(sql), bytes_max));
        EXPECT_EQ(peer_->receive().tag, 'Q');
    }
    // By the extended protocol.
    void start_statement(std::string sql, std::vector<std::optional<std::string>> values) {
        answered_.reset();
        QueryParameters parameters{std::move(values)};
        tasks_.spawn(run_statement(std::move(sql), std::move(parameters)));
    }
    Answered& answer() {
        EXPECT_TRUE(test::run_until(context_, [&] { return answered_.has_value(); }));
        return *answered_;
    }

    net::Awaitable<void> connect(ConnectOptions chosen) {
        auto outcome = co_await PostgresClient::connect(context_, std::move(chosen));
        connected_.emplace(std::move(outcome));
    }
    net::Awaitable<void> run_query(std::string sql, std::size_t bytes_max) {
        auto outcome = co_await client().simple_query(std::move(sql), no_deadline, bytes_max);
        answered_.emplace(std::move(outcome));
    }
    net::Awaitable<void> run_statement(std::string sql, QueryParameters parameters) {
        auto outcome = co_await client().query(std::move(sql), std::move(parameters), no_deadline);
        answered_.emplace(std::move(outcome));
    }

    boost::asio::io_context context_;
    ScriptedServer server_{context_};
    net::TaskGroup tasks_{context_};
    std::optional<Peer> peer_;
    StartupMessage startup_;
    std::optional<Connected> connected_;
    std::optional<Answered> answered_;
};

}  // namespace sluice::pg
