#include "backend/server/copy_stream.hpp"

#include "backend/protocol/backend.hpp"
#include "common/net/task_group.hpp"
#include "common/net/timer.hpp"
#include "tests/support/coroutine.hpp"
#include "tests/support/socket_pair.hpp"
#include "tests/unit/backend/bytes.hpp"
#include "tests/unit/backend/peer.hpp"
#include "tests/unit/net/tls_fixture.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <stdexcept>

namespace sluice::pg {
namespace {

using namespace std::string_view_literals;
using Kind = CopyStreamEnd::Kind;

// What the reader makes of these bytes, cut into pieces of `piece` bytes.
struct Received {
    std::vector<std::string> payloads;
    std::optional<CopyStreamEnd> end;
};

net::Awaitable<void> receive_all(FramedReader& framed, CopyDirection direction, Received& into) {
    CopyReader reader(framed, direction);
    while (!into.end) {
        auto payload = co_await reader.read();
        if (payload) {
            into.payloads.emplace_back(as_text(*payload));
        } else {
            into.end = std::move(payload).error();
        }
    }
}

net::Awaitable<void> send_in_pieces(net::ByteStream& stream, Bytes bytes, std::size_t piece) {
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
        const auto part = ByteView(bytes).subspan(at, std::min(piece, bytes.size() - at));
        auto sent = co_await stream.write_all(part);
        EXPECT_TRUE(sent);
        co_await net::sleep_for(std::chrono::microseconds(1));
    }
    auto ended = co_await stream.shutdown_send();
    EXPECT_TRUE(ended);
}

Received receive(const Bytes& bytes, CopyDirection direction, std::size_t piece = 1U << 20U) {
    boost::asio::io_context context;
    test::StreamPair pair = test::unix_pair(context);
    net::TaskGroup tasks{context};
    tasks.spawn(send_in_pieces(*pair.client, bytes, piece));
    Received received;
    FramedReader framed(*pair.server, Bytes(), 100);
    test::run_coroutine(context, receive_all(framed, direction, received));
    EXPECT_TRUE(test::run_until(context, [&] { return tasks.running() == 0; }));
    return received;
}

TEST(CopyReader, ReadsWhatArrivesInAnyPieces) {
    Bytes bytes;
    for (const char* payload : {"one", "", "three"}) append(bytes, message('d', payload));
    append(bytes, message('c'));
    for (const std::size_t piece : {1U, 2U, 7U, 1000U}) {
        SCOPED_TRACE(piece);
        const Received received = receive(bytes, CopyDirection::both, piece);
        EXPECT_EQ(received.payloads, (std::vector<std::string>{"one", "", "three"}));
        EXPECT_EQ(received.end->kind(), Kind::copy_done);
    }
}

TEST(CopyReader, NamesEveryEnd) {
    struct Case {
        const char* name;
        Bytes bytes;
        Kind kind;
        const char* reason;
    };
    const Case cases[] = {
        {"CopyDone", message('c'), Kind::copy_done, "received CopyDone"},
        {"CopyFail", message('f', "no more\0"sv), Kind::copy_fail, "no more"},
        {"Terminate", message('X'), Kind::terminate, "received Terminate"},
        {"end of stream", {}, Kind::eof, "EOF on COPY stream"},
        {"end inside a message", bytes_of("d\0\0"sv), Kind::eof, "EOF on COPY stream"},
        {"too long",
         message('d', std::string(101, 'x')),
         Kind::disconnected,
         "message length 105: invalid message length"},
        {"CopyDone with a body",
         message('c', "x"),
         Kind::disconnected,
         "a message of type c has no body: invalid message format"},
        {"CopyFail without terminator",
         message('f', "x"),
         Kind::disconnected,
         "CopyFail is not one terminated string: invalid message format"},
        {"Query",
         message('Q', "x\0"sv),
         Kind::disconnected,
         "unexpected message in COPY stream: type 81: unexpected message"},
    };
    for (const Case& test : cases) {
        for (const auto direction : {CopyDirection::in, CopyDirection::both}) {
            SCOPED_TRACE(test.name);
            const Received received = receive(test.bytes, direction);
            EXPECT_EQ(received.end->kind(), test.kind);
            EXPECT_EQ(received.end->reason(), test.reason);
            if (test.kind != Kind::disconnected) continue;
            EXPECT_EQ(received.end->connection()->cause(), ConnectionError::Cause::protocol);
        }
    }
}

TEST(CopyReader, TakesNoOtherMessageButFlushAndSyncInACopyIn) {
    for (int tag = 0; tag < 256; ++tag) {
        const char letter = static_cast<char>(tag);
        if ("dcfX"sv.find(letter) != std::string_view::npos) continue;
        SCOPED_TRACE(tag);
        Bytes bytes = message(letter);
        append(bytes, message('c'));
        const bool skipped = letter == 'H' || letter == 'S';
        EXPECT_EQ(receive(bytes, CopyDirection::in).end->kind(),
                  skipped ? Kind::copy_done : Kind::disconnected);
        EXPECT_EQ(receive(bytes, CopyDirection::both).end->kind(), Kind::disconnected);
    }
}

net::Awaitable<void> produce(FramedWriter& framed, std::size_t count, std::size_t& capacity_max) {
    CopyWriter writer(framed);
    const Bytes payload(1000, 'x');
    for (std::size_t i = 0; i < count; ++i) {
        auto sent = co_await writer.write(payload);
        EXPECT_TRUE(sent);
        capacity_max = std::max(capacity_max, framed.out().capacity());
    }
    writer.finish();
    auto sent = co_await writer.flush();
    EXPECT_TRUE(sent);
}

TEST(CopyWriter, MemoryIsBoundedWhateverTheReadersSpeed) {
    boost::asio::io_context context;
    test::StreamPair pair = test::narrow_pair(context);
    Peer peer(context, std::move(pair.client));
    FramedWriter framed(*pair.server);
    net::TaskGroup tasks{context};
    std::size_t capacity_max = 0;
    tasks.spawn(produce(framed, 10'000, capacity_max));
    std::size_t payloads = 0;
    while (peer.receive().tag == 'd') ++payloads;
    EXPECT_EQ(payloads, 10'000U);
    EXPECT_LT(capacity_max, 256U << 10U);
    EXPECT_TRUE(test::run_until(context, [&] { return tasks.running() == 0; }));
}

// A service of two functions.
class TestService final : public CopyBothService {
public:
    using Receive = std::function<net::Awaitable<CopyStreamEnd>(CopyReader&)>;
    using Send = std::function<net::Awaitable<CopyStreamEnd>(CopyWriter&)>;
    TestService(Receive receive, Send send)
        : receive_(std::move(receive)), send_(std::move(send)) {}
    net::Awaitable<CopyStreamEnd> receive(CopyReader& reader) override { return receive_(reader); }
    net::Awaitable<CopyStreamEnd> send(CopyWriter& writer) override { return send_(writer); }

private:
    Receive receive_;
    Send send_;
};

net::Awaitable<CopyStreamEnd> read_to_the_end(CopyReader& reader) {
    for (;;) {
        auto payload = co_await reader.read();
        if (!payload) co_return std::move(payload).error();
    }
}

// Waits until it is cancelled, and says so.
net::Awaitable<CopyStreamEnd> wait_for_ever(CopyWriter&) {
    co_await net::sleep_for(std::chrono::hours(1));
    co_return CopyStreamEnd::cancelled();
}

net::Awaitable<void> keep_ends(FramedStream& framed,
                               CopyBothService& service,
                               std::optional<CopyBothEnds>& ends) {
    auto value = co_await run_copy_both(framed, service);
    ends.emplace(std::move(value));
}

struct Streams {
    std::unique_ptr<net::ByteStream> client;
    std::unique_ptr<net::ByteStream> server;
};

Streams connect(boost::asio::io_context& context, bool tls) {
    auto pair = test::narrow_pair(context);
    if (!tls) return {std::move(pair.client), std::move(pair.server)};
    auto shaken = net::shake_hands(context, std::move(pair));
    return {std::move(*shaken.client), std::move(*shaken.server)};
}

// One COPY in both directions and the client that the test plays.
struct Fixture {
    Fixture(bool tls, TestService::Receive receive, TestService::Send send)
        : streams(connect(context, tls)),
          service(std::move(receive), std::move(send)),
          peer(context, std::move(streams.client)) {
        tasks.spawn(keep_ends(framed, service, ends));
        EXPECT_EQ(peer.receive().tag, 'W');
    }
    CopyBothEnds& finish() {
        EXPECT_TRUE(test::run_until(context, [&] { return tasks.running() == 0; }));
        return *ends;
    }

    boost::asio::io_context context;
    Streams streams;
    FramedStream framed{std::move(streams.server), Bytes(), 1U << 20U};
    TestService service;
    Peer peer;
    std::optional<CopyBothEnds> ends;
    net::TaskGroup tasks{context};
};

// Every test over a plain stream and over TLS.
class CopyBoth : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Plain, CopyBoth, testing::Values(false));
INSTANTIATE_TEST_SUITE_P(Tls, CopyBoth, testing::Values(true));

TEST_P(CopyBoth, BothHalvesAreJoinedWhoeverEndsFirst) {
    {
        Fixture fixture(GetParam(), read_to_the_end, wait_for_ever);
        fixture.peer.send(message('c'));
        EXPECT_EQ(fixture.finish().end.kind(), Kind::copy_done);
        EXPECT_EQ(fixture.finish().other.kind(), Kind::cancelled);
        EXPECT_FALSE(fixture.framed.is_split());
    }
    {
        Fixture fixture(
            GetParam(), read_to_the_end, [](CopyWriter&) -> net::Awaitable<CopyStreamEnd> {
                co_return CopyStreamEnd::server_initiated("all sent");
            });
        EXPECT_EQ(fixture.finish().end.kind(), Kind::server_initiated);
        EXPECT_EQ(fixture.finish().other.kind(), Kind::cancelled);
        EXPECT_FALSE(fixture.framed.is_split());
    }
}

TEST_P(CopyBoth, TheErrorOfTheLoserIsNotLost) {
    Fixture fixture(GetParam(), read_to_the_end, [](CopyWriter&) -> net::Awaitable<CopyStreamEnd> {
        co_await net::sleep_for(std::chrono::hours(1));
        co_return CopyStreamEnd::failed(QueryError::internal("disk on fire"));
    });
    fixture.peer.send(message('c'));
    EXPECT_EQ(fixture.finish().end.reason(), "disk on fire");
    EXPECT_EQ(fixture.finish().other.kind(), Kind::copy_done);
}

TEST_P(CopyBoth, AnExceptionIsAFailureAndTheOtherHalfIsJoined) {
    Fixture fixture(GetParam(), read_to_the_end, [](CopyWriter&) -> net::Awaitable<CopyStreamEnd> {
        throw std::runtime_error("thrown");
        co_return CopyStreamEnd::cancelled();
    });
    EXPECT_EQ(fixture.finish().end.kind(), Kind::failed);
    EXPECT_EQ(fixture.finish().end.reason(), "thrown");
    EXPECT_EQ(fixture.finish().other.kind(), Kind::cancelled);
    EXPECT_FALSE(fixture.framed.is_split());
}

TEST_P(CopyBoth, SoIsWhatIsNoStandardException) {
    Fixture fixture(GetParam(), read_to_the_end, [](CopyWriter&) -> net::Awaitable<CopyStreamEnd> {
        throw 7;
        co_return CopyStreamEnd::cancelled();
    });
    EXPECT_EQ(fixture.finish().end.reason(), "unknown exception");
    EXPECT_EQ(fixture.finish().other.kind(), Kind::cancelled);
    EXPECT_FALSE(fixture.framed.is_split());
}

TEST_P(CopyBoth, CancellingFromOutsideJoinsBoth) {
    Fixture fixture(GetParam(), read_to_the_end, wait_for_ever);
    fixture.tasks.cancel();
    EXPECT_EQ(fixture.finish().end.kind(), Kind::cancelled);
    EXPECT_EQ(fixture.finish().other.kind(), Kind::cancelled);
    EXPECT_FALSE(fixture.framed.is_split());
}

TEST_P(CopyBoth, ASlowReaderDoesNotStallTheOtherDirection) {
    std::size_t received = 0;
    Fixture fixture(
        GetParam(),
        [&received](CopyReader& reader) -> net::Awaitable<CopyStreamEnd> {
            for (;;) {
                auto payload = co_await reader.read();
                if (!payload) co_return std::move(payload).error();
                ++received;
            }
        },
        [](CopyWriter& writer) -> net::Awaitable<CopyStreamEnd> {
            const Bytes payload(1000, 'x');
            for (;;) {
                auto sent = co_await writer.write(payload);
                if (!sent) co_return std::move(sent).error();
            }
        });
    // The peer reads nothing, the sender blocks; what it sends arrives all the same.
    for (int i = 0; i < 1000; ++i) fixture.peer.send(message('d', std::string(1000, 'y')));
    EXPECT_TRUE(test::run_until(fixture.context, [&] { return received == 1000; }));
    fixture.peer.send(message('c'));
    EXPECT_EQ(fixture.finish().end.kind(), Kind::copy_done);
    EXPECT_EQ(fixture.finish().other.kind(), Kind::cancelled);
}

}  // namespace
}  // namespace sluice::pg
