#include "backend/server/framed_stream.hpp"

#include "backend/protocol/backend.hpp"
#include "backend/protocol/errc.hpp"
#include "tests/support/coroutine.hpp"
#include "tests/support/memory_stream.hpp"
#include "tests/support/socket_pair.hpp"
#include "tests/unit/backend/bytes.hpp"

#include <boost/asio/error.hpp>
#include <gtest/gtest.h>

namespace sluice::pg {
namespace {

using namespace std::string_view_literals;

// A framed stream and the other end of its socket.
struct Fixture {
    using Connect = test::StreamPair (*)(boost::asio::io_context&);
    explicit Fixture(Connect connect = test::unix_pair) : pair(connect(context)) {}

    boost::asio::io_context context;
    test::StreamPair pair;
    std::unique_ptr<net::SocketStream> peer = std::move(pair.client);
    FramedStream framed{std::move(pair.server), Bytes(), 1U << 20U};

    void peer_sends(ByteView bytes) {
        ASSERT_TRUE(test::run_coroutine(context, peer->write_all(bytes)));
    }
    Result<std::optional<Frame>> read() {
        return test::run_coroutine(context, framed.read_message());
    }
};

Bytes copy_data(std::size_t size, std::uint8_t fill) {
    Bytes message;
    encode_copy_data(message, Bytes(size, fill));
    return message;
}

TEST(FramedStream, ReadsMessagesThatArriveTogether) {
    Fixture fixture;
    Bytes both;
    encode_command_complete(both, "SELECT 1");
    encode_ready_for_query(both, 'I');
    fixture.peer_sends(both);

    auto first = fixture.read();
    ASSERT_TRUE(first && *first);
    EXPECT_EQ((*first)->tag, 'C');
    EXPECT_EQ(as_text((*first)->body), "SELECT 1\0"sv);
    auto second = fixture.read();
    ASSERT_TRUE(second && *second);
    EXPECT_EQ((*second)->tag, 'Z');
}

TEST(FramedStream, ReadsAMessageThatArrivesInSingleBytes) {
    Fixture fixture;
    const Bytes message = bytes_of("Q\0\0\0\x0dselect 1\0"sv);
    for (const std::uint8_t byte : message) fixture.peer_sends(Bytes{byte});
    auto frame = fixture.read();
    ASSERT_TRUE(frame && *frame);
    EXPECT_EQ(as_text((*frame)->body), "select 1\0"sv);
}

TEST(FramedStream, DropsAMessageThatIsTooLargeAndGoesOn) {
    Fixture fixture;
    fixture.framed.decoder().set_body_bytes_max(100);
    Bytes bytes = copy_data(5000, 'x');
    encode_ready_for_query(bytes, 'I');
    fixture.peer_sends(ByteView(bytes).first(3000));
    ASSERT_FALSE(fixture.read());
    FramedReader& reader = fixture.framed.reader();
    ASSERT_TRUE(reader.oversized());
    const auto cancelled = test::run_and_cancel(fixture.context, reader.drop_oversized());
    ASSERT_FALSE(cancelled);
    EXPECT_EQ(cancelled.error().code, boost::asio::error::operation_aborted);

    fixture.peer_sends(ByteView(bytes).subspan(3000));
    ASSERT_TRUE(test::run_coroutine(fixture.context, reader.drop_oversized()));
    const auto next = fixture.read();
    ASSERT_TRUE(next && *next);
    EXPECT_EQ((*next)->tag, 'Z');
}

TEST(FramedStream, AMalformedLengthIsNotDropped) {
    Fixture fixture;
    fixture.peer_sends(bytes_of("Q\0\0\0\3"sv));
    ASSERT_FALSE(fixture.read());
    EXPECT_FALSE(fixture.framed.reader().oversized());
}

TEST(FramedStream, LosesNothingWhenAReadIsCancelledBetweenAnyTwoBytes) {
    const Bytes message = bytes_of("Q\0\0\0\x0dselect 1\0"sv);
    Fixture fixture;
    for (std::size_t count = 0; count + 1 < message.size(); ++count) {
        fixture.peer_sends(ByteView(message).subspan(count, 1));
        auto cancelled = test::run_and_cancel(fixture.context, fixture.framed.read_message());
        ASSERT_FALSE(cancelled);
        EXPECT_EQ(cancelled.error().code, boost::asio::error::operation_aborted);
    }
    fixture.peer_sends(ByteView(message).last(1));
    auto frame = fixture.read();
    ASSERT_TRUE(frame && *frame);
    EXPECT_EQ(as_text((*frame)->body), "select 1\0"sv);
}

TEST(FramedStream, ReadsMessagesLargerThanItsBuffer) {
    Fixture fixture;
    for (const std::size_t size : {std::size_t{1}, std::size_t{5000}, std::size_t{60'000}}) {
        SCOPED_TRACE(size);
        fixture.peer_sends(copy_data(size, 7));
        auto frame = fixture.read();
        ASSERT_TRUE(frame && *frame);
        EXPECT_EQ((*frame)->body.size(), size);
        EXPECT_EQ((*frame)->body.back(), 7);
    }
}

TEST(FramedStream, TellsAnOrderlyEndFromOneInsideAMessage) {
    Fixture orderly;
    orderly.peer_sends(copy_data(3, 1));
    orderly.peer.reset();
    EXPECT_TRUE(*orderly.read());
    auto end = orderly.read();
    ASSERT_TRUE(end);
    EXPECT_FALSE(*end);

    Fixture broken;
    broken.peer_sends(
        bytes_of("d\0\0\0\x09"
                 "ab"sv));
    broken.peer.reset();
    auto failed = broken.read();
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, eof_error());
    EXPECT_EQ(failed.error().kind, ErrorKind::client);
}

TEST(FramedStream, RefusesALengthAboveTheLimitBeforeTheBodyComes) {
    Fixture fixture;
    fixture.framed.decoder().set_body_bytes_max(100);
    fixture.peer_sends(bytes_of("d\x7f\xff\xff\xff"sv));
    auto refused = fixture.read();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::invalid_message_length);
}

TEST(FramedStream, AFlushThatWasCutOffGoesOnWhereItStopped) {
    Fixture fixture(test::narrow_pair);
    Bytes expected;
    for (std::uint8_t i = 0; i < 100; ++i) append(expected, copy_data(10'000, i));
    fixture.framed.out() = expected;

    // The peer reads nothing: the flush meets its deadline with the buffers full.
    fixture.framed.stream().set_deadline(std::chrono::steady_clock::now());
    auto cut = test::run_coroutine(fixture.context, fixture.framed.flush());
    ASSERT_FALSE(cut);
    fixture.framed.stream().set_deadline(std::chrono::steady_clock::now() +
                                         std::chrono::milliseconds(50));
    cut = test::run_coroutine(fixture.context, fixture.framed.flush());
    ASSERT_FALSE(cut);
    EXPECT_TRUE(is_timeout(cut.error().code));
    fixture.framed.stream().set_deadline(no_deadline);

    bool flushed = false;
    boost::asio::co_spawn(
        fixture.context,
        [](FramedStream& framed, bool& done) -> net::Awaitable<void> {
            auto sent = co_await framed.flush();
            done = sent.has_value();
        }(fixture.framed, flushed),
        [](const std::exception_ptr&) {});
    Bytes received;
    Bytes chunk(8192);
    while (received.size() < expected.size()) {
        const ByteSpan space = chunk;
        auto count = test::run_coroutine(fixture.context, fixture.peer->read_some(space));
        ASSERT_TRUE(count);
        append(received, ByteView(chunk).first(*count));
    }
    EXPECT_EQ(received, expected);
    EXPECT_TRUE(test::run_until(fixture.context, [&] { return flushed; }));
    EXPECT_TRUE(fixture.framed.out().empty());
}

TEST(FramedStream, GivesAwayWhatItReadTooMuch) {
    Fixture fixture;
    Bytes bytes = copy_data(3, 1);
    append(bytes, "rest"sv);
    fixture.peer_sends(bytes);
    ASSERT_TRUE(fixture.read());
    auto parts = std::move(fixture.framed).release();
    EXPECT_EQ(as_text(parts.received), "rest");
    EXPECT_NE(parts.stream, nullptr);
}

TEST(FramedStream, BeginsWithBytesThatWereReceivedBefore) {
    boost::asio::io_context context;
    auto pair = test::unix_pair(context);
    FramedStream framed(std::move(pair.server), bytes_of("S\0\0\0\4S\0\0"sv), 100);
    auto first = test::run_coroutine(context, framed.read_message());
    ASSERT_TRUE(first && *first);
    EXPECT_EQ((*first)->tag, 'S');
    const Bytes rest = bytes_of("\0\4"sv);
    ASSERT_TRUE(test::run_coroutine(context, pair.client->write_all(rest)));
    auto second = test::run_coroutine(context, framed.read_message());
    ASSERT_TRUE(second && *second);
    EXPECT_EQ((*second)->tag, 'S');
}

// A framed stream over one without a socket.
struct InMemory {
    boost::asio::io_context context;
    test::MemoryStream* stream = nullptr;  // owned by `framed`
    FramedStream framed{make(), Bytes(), 1U << 20U};

    std::unique_ptr<test::MemoryStream> make() {
        auto made = std::make_unique<test::MemoryStream>();
        stream = made.get();
        return made;
    }
    Result<std::optional<Frame>> read() {
        return test::run_coroutine(context, framed.read_message());
    }
};

TEST(FramedStream, ReadsGrowWithTheTraffic) {
    InMemory fixture;
    constexpr std::size_t messages = 256;
    for (std::size_t i = 0; i < messages; ++i) append(fixture.stream->incoming, copy_data(4091, 1));
    for (std::size_t i = 0; i < messages; ++i) {
        auto frame = fixture.read();
        ASSERT_TRUE(frame && *frame);
        ASSERT_EQ((*frame)->body.size(), 4091U);
    }
    EXPECT_LT(fixture.stream->reads, 40U);  // 1 MiB
    EXPECT_FALSE(fixture.read());           // idle again
    EXPECT_LE(fixture.framed.buffered_capacity(), 1024U);
}

TEST(FramedStream, AnAnnouncedLengthTakesNoMemory) {
    InMemory fixture;
    fixture.stream->incoming = bytes_of("d\x00\x0f\xff\xffx"sv);
    EXPECT_FALSE(fixture.read());
    EXPECT_LT(fixture.framed.buffered_capacity(), 4096U);
}

TEST(FramedStream, AWriteThatTakesNothingIsAnError) {
    InMemory fixture;
    fixture.framed.out() = copy_data(100, 1);
    fixture.stream->room = 50;
    const auto failed = test::run_coroutine(fixture.context, fixture.framed.flush());
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().kind, ErrorKind::peer);
    EXPECT_EQ(failed.error().detail, "failed to write message");
    EXPECT_FALSE(is_disconnect(failed.error().code));
    EXPECT_EQ(fixture.framed.unsent(), 55U);
    EXPECT_FALSE(test::run_coroutine(fixture.context, fixture.stream->write_all(Bytes(1))));

    fixture.stream->room = SIZE_MAX;
    EXPECT_TRUE(test::run_coroutine(fixture.context, fixture.framed.flush()));
    EXPECT_EQ(fixture.stream->outgoing, copy_data(100, 1));
}

TEST(FramedStream, SendsWithoutWaitingWhatTheStreamTakes) {
    InMemory fixture;
    EXPECT_TRUE(fixture.framed.try_flush());
    fixture.framed.out() = copy_data(100, 1);
    fixture.stream->room = 50;
    EXPECT_FALSE(fixture.framed.try_flush());
    EXPECT_EQ(fixture.framed.unsent(), 55U);
    fixture.stream->writes_fail = true;
    EXPECT_FALSE(fixture.framed.try_flush());
    EXPECT_FALSE(test::run_coroutine(fixture.context, fixture.framed.flush()));

    fixture.stream->writes_fail = false;
    fixture.stream->room = SIZE_MAX;
    EXPECT_TRUE(fixture.framed.try_flush());
    EXPECT_EQ(fixture.stream->outgoing, copy_data(100, 1));
    EXPECT_TRUE(fixture.framed.out().empty());
}

TEST(FramedStream, KnowsWhetherAMessageIsThereWithoutWaiting) {
    InMemory fixture;
    EXPECT_FALSE(fixture.framed.has_message());
    fixture.stream->incoming = bytes_of("S\0\0\0\4S\0\0\0\4Q\0\0\0\5"sv);
    ASSERT_TRUE(fixture.read());
    EXPECT_TRUE(fixture.framed.has_message());
    ASSERT_TRUE(fixture.read());
    EXPECT_FALSE(fixture.framed.has_message());  // the third has no body yet

    fixture.stream->incoming = bytes_of("\0S\0\0\0\1"sv);
    ASSERT_TRUE(fixture.read());
    EXPECT_TRUE(fixture.framed.has_message());  // refused without waiting
    EXPECT_FALSE(fixture.read());
}

TEST(FramedStream, FlushesPartsOfALongAnswer) {
    InMemory fixture;
    fixture.framed.out() = copy_data(100, 1);
    ASSERT_TRUE(test::run_coroutine(fixture.context, fixture.framed.flush_beyond(105)));
    EXPECT_TRUE(fixture.stream->outgoing.empty());
    ASSERT_TRUE(test::run_coroutine(fixture.context, fixture.framed.flush_beyond(104)));
    EXPECT_EQ(fixture.stream->outgoing, copy_data(100, 1));
    EXPECT_EQ(fixture.framed.unsent(), 0U);
}

TEST(FramedStream, ReadingAheadIsBoundedAndNoticesTheEnd) {
    Fixture fixture;
    const auto ahead = [&] {
        return test::run_coroutine(fixture.context, fixture.framed.read_ahead(6));
    };
    fixture.peer_sends(bytes_of("S\0\0\0"sv));
    EXPECT_TRUE(*ahead());
    fixture.peer_sends(bytes_of("\4Qxyz"sv));
    EXPECT_TRUE(*ahead());
    const auto refused = ahead();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::limit);

    auto message = fixture.read();
    ASSERT_TRUE(message && *message);
    EXPECT_EQ((*message)->tag, 'S');
    fixture.peer.reset();
    EXPECT_TRUE(*ahead());  // what was left behind the bound
    const auto end = ahead();
    ASSERT_TRUE(end);
    EXPECT_FALSE(*end);
}

}  // namespace
}  // namespace sluice::pg
