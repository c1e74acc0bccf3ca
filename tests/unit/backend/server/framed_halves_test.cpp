#include "backend/protocol/backend.hpp"
#include "backend/server/framed_stream.hpp"
#include "tests/support/coroutine.hpp"
#include "tests/unit/backend/bytes.hpp"
#include "tests/unit/net/tls_fixture.hpp"

#include <boost/asio/error.hpp>
#include <gtest/gtest.h>

namespace sluice::pg {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t body_bytes_max = 1U << 20U;

Bytes copy_data(std::size_t size, std::uint8_t fill) {
    Bytes message;
    encode_copy_data(message, Bytes(size, fill));
    return message;
}

// Two framed streams that are connected, by sockets with small buffers.
struct Fixture {
    explicit Fixture(bool tls) {
        auto pair = test::narrow_pair(context);
        std::unique_ptr<net::ByteStream> near_stream = std::move(pair.server);
        std::unique_ptr<net::ByteStream> far_stream = std::move(pair.client);
        if (tls) {
            auto shaken = net::shake_hands(context, test::narrow_pair(context));
            near_stream = std::move(*shaken.server);
            far_stream = std::move(*shaken.client);
        }
        near = std::make_unique<FramedStream>(std::move(near_stream), Bytes(), body_bytes_max);
        far = std::make_unique<FramedStream>(std::move(far_stream), Bytes(), body_bytes_max);
    }

    // What the far side has received and did not read yet.
    void far_takes(std::size_t count, Bytes& into) {
        Bytes chunk(count);
        const auto attempt = far->stream().try_read(chunk);
        append(into, ByteView(chunk).first(attempt.count));
    }

    boost::asio::io_context context;
    std::unique_ptr<FramedStream> near;
    std::unique_ptr<FramedStream> far;
};

// A body says which message it is.
net::Awaitable<Result<void>> send_numbered(FramedWriter& writer, std::uint8_t count) {
    for (std::uint8_t i = 0; i < count; ++i) {
        append(writer.out(), copy_data(10'000, i));
        auto sent = co_await writer.flush_beyond(15'000);
        if (!sent) co_return sent;
    }
    co_return co_await writer.flush();
}

net::Awaitable<bool> receive_numbered(FramedReader& reader, std::uint8_t count) {
    for (std::uint8_t i = 0; i < count; ++i) {
        auto frame = co_await reader.read_message();
        if (!frame || !*frame) co_return false;
        const Bytes expected(10'000, i);
        const bool same = std::ranges::equal((*frame)->body, expected);
        if (!same) co_return false;
    }
    co_return true;
}

net::Awaitable<bool> talk(FramedStream& framed, std::uint8_t count) {
    auto halves = framed.split();
    if (!halves) co_return false;
    auto sending = send_numbered(halves->writer, count);
    auto receiving = receive_numbered(halves->reader, count);
    auto ended = co_await net::both(std::move(sending), std::move(receiving));
    auto whole = framed.unsplit(std::move(*halves));
    co_return std::get<0>(ended) && std::get<1>(ended) && whole;
}

// Both sides write more than the sockets hold before they read: with one coroutine for both
// directions they would wait for each other for ever.
TEST(FramedHalves, WorkAtTheSameTime) {
    for (const bool tls : {false, true}) {
        SCOPED_TRACE(tls);
        Fixture fixture(tls);
        for (int turn = 0; turn < 2; ++turn) {
            const auto [near, far] = test::run_coroutine(
                fixture.context, net::both(talk(*fixture.near, 50), talk(*fixture.far, 50)));
            EXPECT_TRUE(near);
            EXPECT_TRUE(far);
        }
        fixture.near->out() = copy_data(3, 7);
        ASSERT_TRUE(test::run_coroutine(fixture.context, fixture.near->flush()));
        auto last = test::run_coroutine(fixture.context, fixture.far->read_message());
        ASSERT_TRUE(last && *last);
        EXPECT_EQ((*last)->body.size(), 3U);
    }
}

TEST(FramedHalves, LoseNoByteInEitherDirectionWhenPutTogetherInsideMessages) {
    for (const bool tls : {false, true}) {
        SCOPED_TRACE(tls);
        Fixture fixture(tls);
        const Bytes incoming = copy_data(1000, 5);
        ASSERT_TRUE(test::run_coroutine(
            fixture.context, fixture.far->stream().write_all(ByteView(incoming).first(600))));
        const Bytes outgoing = copy_data(100'000, 6);

        auto halves = fixture.near->split();
        ASSERT_TRUE(halves);
        auto cut = test::run_and_cancel(fixture.context, halves->reader.read_message());
        ASSERT_FALSE(cut);
        EXPECT_EQ(cut.error().code, boost::asio::error::operation_aborted);
        halves->writer.out() = outgoing;
        ASSERT_FALSE(test::run_and_cancel(fixture.context, halves->writer.flush()));
        EXPECT_GT(halves->writer.unsent(), 0U);
        ASSERT_TRUE(fixture.near->unsplit(std::move(*halves)));

        ASSERT_TRUE(test::run_coroutine(
            fixture.context, fixture.far->stream().write_all(ByteView(incoming).subspan(600))));
        auto read = test::run_coroutine(fixture.context, fixture.near->read_message());
        ASSERT_TRUE(read && *read);
        EXPECT_TRUE(std::ranges::equal((*read)->body, ByteView(incoming).subspan(5)));
        const auto [flushed, received] = test::run_coroutine(
            fixture.context, net::both(fixture.near->flush(), fixture.far->read_message()));
        EXPECT_TRUE(flushed);
        ASSERT_TRUE(received && *received);
        EXPECT_TRUE(std::ranges::equal((*received)->body, ByteView(outgoing).subspan(5)));
    }
}

TEST(FramedHalves, OnlyOnePairIsGivenOut) {
    Fixture fixture(false);
    auto halves = fixture.near->split();
    ASSERT_TRUE(halves);
    EXPECT_TRUE(fixture.near->is_split());

    auto second = fixture.near->split();
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().kind, ErrorKind::internal);
    EXPECT_EQ(second.error().detail, "the stream is already split");
    auto read = test::run_coroutine(fixture.context, fixture.near->read_message());
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().detail, "the stream is split");
    EXPECT_FALSE(test::run_coroutine(fixture.context, fixture.near->read_ahead(10)));
    EXPECT_FALSE(test::run_coroutine(fixture.context, fixture.near->flush()));
    EXPECT_FALSE(test::run_coroutine(fixture.context, fixture.near->flush_beyond(0)));
    EXPECT_FALSE(test::run_coroutine(fixture.context, fixture.near->shutdown()));

    ASSERT_TRUE(fixture.near->unsplit(std::move(*halves)));
    EXPECT_TRUE(fixture.near->split());
}

TEST(FramedHalves, AreTakenBackByTheirOwnStreamOnly) {
    Fixture fixture(false);
    auto near = fixture.near->split();
    auto far = fixture.far->split();
    ASSERT_TRUE(near && far);

    FramedStream::Halves mixed{std::move(near->reader), std::move(far->writer)};
    const auto refused = fixture.near->unsplit(std::move(mixed));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::internal);
    EXPECT_EQ(refused.error().detail, "these halves belong to another stream");
    EXPECT_TRUE(fixture.near->is_split());

    Fixture whole(false);
    FramedStream::Halves foreign{std::move(far->reader), std::move(near->writer)};
    const auto not_split = whole.near->unsplit(std::move(foreign));
    ASSERT_FALSE(not_split);
    EXPECT_EQ(not_split.error().detail, "the stream is not split");
}

TEST(FramedHalves, MayBeDroppedBeforeTheirStream) {
    Fixture fixture(false);
    {
        auto halves = fixture.near->split();
        ASSERT_TRUE(halves);
        halves->writer.out() = copy_data(10, 1);
    }
    EXPECT_TRUE(fixture.near->is_split());
    fixture.near.reset();
    auto end = test::run_coroutine(fixture.context, fixture.far->read_message());
    ASSERT_TRUE(end);
    EXPECT_FALSE(*end);
}

TEST(FramedWriter, AFlushMayBeCancelledWhereverItWaits) {
    for (const bool tls : {false, true}) {
        SCOPED_TRACE(tls);
        Fixture fixture(tls);
        Bytes expected;
        for (std::uint8_t i = 0; i < 60; ++i) append(expected, copy_data(1'000, i));
        fixture.near->out() = expected;

        Bytes received;
        std::size_t cancelled = 0;
        for (;;) {
            auto flushed = test::run_and_cancel(fixture.context, fixture.near->flush());
            if (flushed) break;
            ASSERT_EQ(flushed.error().code, boost::asio::error::operation_aborted);
            ++cancelled;
            fixture.far_takes(700, received);
        }
        EXPECT_GT(cancelled, 20U);
        EXPECT_TRUE(fixture.near->out().empty());
        while (received.size() < expected.size()) {
            const auto before = received.size();
            fixture.far_takes(8192, received);
            ASSERT_GT(received.size(), before);
        }
        EXPECT_EQ(received, expected);
    }
}

TEST(FramedWriter, ShutdownSendsWhatWasBufferedAndLeavesReading) {
    for (const bool tls : {false, true}) {
        SCOPED_TRACE(tls);
        Fixture fixture(tls);
        fixture.near->out() = copy_data(100, 1);
        ASSERT_TRUE(test::run_coroutine(fixture.context, fixture.near->shutdown()));

        auto last = test::run_coroutine(fixture.context, fixture.far->read_message());
        ASSERT_TRUE(last && *last);
        EXPECT_EQ((*last)->body.size(), 100U);
        auto end = test::run_coroutine(fixture.context, fixture.far->read_message());
        ASSERT_TRUE(end);
        EXPECT_FALSE(*end);

        fixture.far->out() = copy_data(50, 2);
        ASSERT_TRUE(test::run_coroutine(fixture.context, fixture.far->flush()));
        auto answer = test::run_coroutine(fixture.context, fixture.near->read_message());
        ASSERT_TRUE(answer && *answer);
        EXPECT_EQ((*answer)->body.size(), 50U);
    }
}

net::Awaitable<std::size_t> count_messages(FramedStream& framed) {
    std::size_t count = 0;
    for (;;) {
        auto frame = co_await framed.read_message();
        if (!frame) co_return 0;
        if (!*frame) co_return count;
        ++count;
    }
}

// How many small messages the stream takes, one flush each, before one has to wait.
std::size_t fill_up(Fixture& fixture, std::size_t at_most) {
    for (std::size_t count = 0; count < at_most; ++count) {
        append(fixture.near->out(), copy_data(100, 1));
        if (!test::run_and_cancel(fixture.context, fixture.near->flush())) return count;
    }
    return at_most;
}

void check_repeated_shutdown(Fixture& fixture, std::size_t messages) {
    const auto cut = test::run_and_cancel(fixture.context, fixture.near->shutdown());
    ASSERT_FALSE(cut);
    EXPECT_EQ(cut.error().code, boost::asio::error::operation_aborted);
    const auto [done, received] = test::run_coroutine(
        fixture.context, net::both(fixture.near->shutdown(), count_messages(*fixture.far)));
    EXPECT_TRUE(done);
    EXPECT_EQ(received, messages);
    EXPECT_TRUE(test::run_coroutine(fixture.context, fixture.near->shutdown()));
}

TEST(FramedWriter, ShutdownMayBeCancelledAndRepeated) {
    for (const bool tls : {false, true}) {
        SCOPED_TRACE(tls);
        Fixture fixture(tls);
        const std::size_t taken = fill_up(fixture, 10'000);
        ASSERT_LT(taken, 10'000U);
        check_repeated_shutdown(fixture, taken + 1);
    }
}

// With the message before it sent in full, close_notify itself has to wait.
TEST(FramedWriter, ATlsShutdownMayBeCancelledInsideCloseNotify) {
    Fixture measured(true);
    const std::size_t taken = fill_up(measured, 10'000);
    ASSERT_LT(taken, 10'000U);

    Fixture fixture(true);
    ASSERT_EQ(fill_up(fixture, taken), taken);
    ASSERT_EQ(fixture.near->unsent(), 0U);
    check_repeated_shutdown(fixture, taken);
}

// Moves bytes until it is cancelled.
net::Awaitable<bool> pump(net::ByteStream& from, net::ByteStream& to) {
    Bytes buffer(4096);
    for (;;) {
        const ByteSpan space = buffer;
        auto count = co_await from.read_some(space);
        if (!count || *count == 0) co_return false;
        auto written = co_await to.write_all(ByteView(buffer).first(*count));
        if (!written) co_return false;
    }
}

// The ciphertext is cut, so a read is cancelled inside record headers and tags too.
TEST(FramedReader, AReadOverTlsMayBeCancelledBetweenAnyTwoBytes) {
    boost::asio::io_context context;
    auto client_side = test::unix_pair(context);
    auto server_side = test::unix_pair(context);
    auto& from_client = *client_side.server;
    auto& to_server = *server_side.client;
    auto shaking = net::both(
        net::TlsStream::connect(std::move(client_side.client), net::client_context(), "localhost"),
        net::TlsStream::accept(std::move(server_side.server),
                               net::server_context(),
                               {},
                               net::TlsStream::Negotiation::ssl_request));
    auto pumping = net::both(pump(from_client, to_server), pump(to_server, from_client));
    auto shaken =
        test::run_coroutine(context, net::join_first(std::move(shaking), std::move(pumping)));
    ASSERT_EQ(shaken.first, 0U);
    auto& [client, server] = shaken.a;
    ASSERT_TRUE(client && server);
    FramedStream framed(std::move(*server), Bytes(), body_bytes_max);

    Bytes messages = copy_data(30, 1);
    append(messages, copy_data(40, 2));
    for (std::size_t i = 0; i < messages.size(); i += 25) {
        const auto record =
            ByteView(messages).subspan(i, std::min<std::size_t>(25, messages.size() - i));
        ASSERT_TRUE(test::run_coroutine(context, (*client)->write_all(record)));
    }
    std::vector<std::size_t> sizes;
    Bytes byte(1);
    while (from_client.try_read(byte).count == 1) {
        ASSERT_TRUE(test::run_coroutine(context, to_server.write_all(byte)));
        auto frame = test::run_and_cancel(context, framed.read_message());
        if (frame) {
            ASSERT_TRUE(*frame);
            sizes.push_back((*frame)->body.size());
            continue;
        }
        ASSERT_EQ(frame.error().code, boost::asio::error::operation_aborted);
    }
    EXPECT_EQ(sizes, (std::vector<std::size_t>{30, 40}));
}

}  // namespace
}  // namespace sluice::pg
