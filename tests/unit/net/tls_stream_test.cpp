#include "common/net/tls_stream.hpp"

#include "common/net/timer.hpp"
#include "tests/unit/net/tls_stream_fixture.hpp"

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/co_spawn.hpp>
#include <gtest/gtest.h>
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

class TlsStreamTest : public TlsStreamFixture {};

TEST_F(TlsStreamTest, WorksOverUnixSockets) {
    establish(test::unix_pair(context));

    write(*client, "question");
    EXPECT_EQ(read(*server), "question");
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

// The peer said why it closed, and what we sent afterwards was not taken.
TEST_F(TlsStreamTest, AFailedWriteDoesNotKeepFromReading) {
    establish();
    write(*server, "farewell");
    ::shutdown(client->native_handle(), SHUT_WR);
    for (const std::string_view text : {"hello", "hi"}) {
        const auto sent = run_coroutine(context, client->write_some(as_bytes(text)));
        ASSERT_FALSE(sent);
        EXPECT_EQ(sent.error().code, boost::system::errc::broken_pipe);
    }
    EXPECT_EQ(client->try_write(as_bytes("hello")).status, Status::failed);
    EXPECT_EQ(read(*client), "farewell");
    server->close();
    EXPECT_EQ(read(*client), "");
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

}  // namespace
}  // namespace sluice::net
