#include "tests/unit/backend/server/backend_fixture.hpp"
#include "tests/unit/net/tls_fixture.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <array>

namespace sluice::pg {
namespace {

using namespace std::string_view_literals;
using Authentication = PostgresBackend::Authentication;

// A session over TLS: the client, and its socket for what no TLS client sends.
class TlsSession : public ::testing::Test {
protected:
    ~TlsSession() override {
        if (peer_) peer_->stream().close();
        if (socket_ >= 0) ::close(socket_);
        tasks_.cancel();
        wait_for_end();
    }

    // Serves a client that has come as far as TLS.
    Peer& start(Authentication authentication) {
        PostgresBackend::Options options;
        options.authentication = authentication;
        options.handshake.tls = net::server_context();
        options.handshake.on_tls = [this] { state_on_tls_ = backend_->state(); };
        backend_.emplace(std::move(options), log::Log());
        handler_.backend = &*backend_;
        test::StreamPair pair = test::tcp_pair(context_);
        socket_ = ::dup(pair.client->native_handle());
        tasks_.spawn(backend_->run(std::move(pair.server), handler_));
        EXPECT_TRUE(
            test::run_coroutine(context_, pair.client->write_all(startup_packet(1234, 5679, ""))));
        std::array<std::uint8_t, 1> answer{};
        const ByteSpan space = answer;
        EXPECT_TRUE(test::run_coroutine(context_, pair.client->read_some(space)));
        auto tls = test::run_coroutine(
            context_,
            net::TlsStream::connect(std::move(pair.client), net::client_context(), "localhost"));
        EXPECT_TRUE(tls);
        peer_.emplace(context_, std::move(*tls));
        return *peer_;
    }
    void send_raw(std::string_view bytes) {
        EXPECT_EQ(::send(socket_, bytes.data(), bytes.size(), 0),
                  static_cast<ssize_t>(bytes.size()));
    }
    void wait_for_end() {
        EXPECT_TRUE(test::run_until(context_, [&] { return tasks_.running() == 0; }));
    }

    log::Capture log_;
    boost::asio::io_context context_;
    TestHandler handler_;
    std::optional<PostgresBackend> backend_;
    std::optional<PostgresBackend::State> state_on_tls_;  // when the owner was told of TLS
    std::optional<Peer> peer_;
    int socket_ = -1;
    net::TaskGroup tasks_{context_};
};

TEST_F(TlsSession, SaysGoodbye) {
    Peer& peer = start(Authentication::trust);
    EXPECT_TRUE(test::run_until(
        context_, [&] { return backend_->state() == PostgresBackend::State::encrypted; }));
    EXPECT_EQ(state_on_tls_, PostgresBackend::State::encrypted);
    peer.send(startup_packet(3, 0, "user\0app\0\0"sv));
    EXPECT_EQ(peer.receive_tags('Z'), "RSSSZ");
    Bytes terminate;
    encode_terminate(terminate);
    peer.send(terminate);
    // The next to arrive is a TLS record, close_notify, and not the bare end of the connection.
    ssize_t arrived = -1;
    std::array<std::uint8_t, 64> record{};
    EXPECT_TRUE(test::run_until(context_, [&] {
        arrived = ::recv(peer.stream().native_handle(), record.data(), record.size(), MSG_PEEK);
        return arrived >= 0;
    }));
    EXPECT_GT(arrived, 0);
}

TEST_F(TlsSession, ARecordThatCannotBeReadEndsTheConnection) {
    struct Case {
        const char* name;
        Authentication authentication;
        const char* tags;  // of the messages up to the request, or of the whole login
    };
    for (const Case& test : {Case{"password", Authentication::password, "R"},
                             Case{"token", Authentication::jwt, "R"},
                             Case{"session", Authentication::trust, "RSSSZ"}}) {
        SCOPED_TRACE(test.name);
        const std::size_t failed_before = count_of(log_.text(), "ERROR connection failed");
        Peer& peer = start(test.authentication);
        peer.send(startup_packet(3, 0, "user\0app\0\0"sv));
        EXPECT_EQ(peer.receive_tags(std::string_view(test.tags).back()), test.tags);
        send_raw("\x17\x03\x03\0\x20"sv);
        send_raw(std::string(32, 'A'));
        wait_for_end();
        EXPECT_EQ(count_of(log_.text(), "ERROR connection failed"), failed_before + 1)
            << log_.text();
        EXPECT_NE(log_.text().find("reason=\"TLS: "), std::string::npos) << log_.text();
        ::close(std::exchange(socket_, -1));
    }
}

}  // namespace
}  // namespace sluice::pg
