#include "common/net/socket_stream.hpp"

#include "common/net/race.hpp"
#include "common/net/timer.hpp"
#include "tests/support/coroutine.hpp"
#include "tests/support/socket_pair.hpp"

#include <boost/asio/basic_stream_socket.hpp>
#include <gtest/gtest.h>

#include <netinet/tcp.h>
#include <sys/socket.h>

namespace sluice::net {
namespace {

using std::chrono::milliseconds;
using test::run_coroutine;
using Status = ByteStream::Attempt::Status;

Deadline soon() { return std::chrono::steady_clock::now() + milliseconds(3); }

class SocketStreamTest : public ::testing::Test {
protected:
    boost::asio::io_context context;
    test::StreamPair pair = test::tcp_pair(context);
    SocketStream& client = *pair.client;
    SocketStream& server = *pair.server;
    Bytes buffer = Bytes(64);

    std::string text(std::size_t count) const {
        return std::string(as_text(ByteView(buffer).first(count)));
    }
    Result<std::size_t> read() { return run_coroutine(context, server.read_some(buffer)); }
    std::string read_text() {
        const auto count = read();
        return count ? text(*count) : count.error().message();
    }
    void send(std::string_view what) {
        ASSERT_EQ(client.try_write(as_bytes(what)).count, what.size());
    }
    // Fills the kernel's buffers.
    void fill() {
        const Bytes block(65536);
        while (client.try_write(block).status == Status::done) {
        }
    }
};

Awaitable<std::string> read_while(SocketStream& reader,
                                  SocketStream& writer,
                                  std::string_view sent) {
    Bytes buffer(64);
    auto reading = reader.read_some(buffer);
    auto writing = writer.write_all(as_bytes(sent));
    const auto results = co_await both(std::move(reading), std::move(writing));
    co_return std::string(as_text(ByteView(buffer).first(*std::get<0>(results))));
}

TEST_F(SocketStreamTest, ReadsWhatIsThere) {
    send("hello");

    EXPECT_EQ(read_text(), "hello");
}

TEST_F(SocketStreamTest, ReadsWhatComesLater) {
    EXPECT_EQ(run_coroutine(context, read_while(server, client, "later")), "later");
}

TEST_F(SocketStreamTest, TheEndIsNoBytes) {
    EXPECT_TRUE(run_coroutine(context, client.shutdown_send()).has_value());

    EXPECT_EQ(*read(), 0U);
    EXPECT_EQ(server.try_read(buffer).status, Status::end);
}

TEST_F(SocketStreamTest, AHalfClosedStreamStillReads) {
    EXPECT_TRUE(run_coroutine(context, server.shutdown_send()).has_value());
    send("after");

    EXPECT_EQ(read_text(), "after");
}

TEST_F(SocketStreamTest, AResetIsAnErrorOfThePeer) {
    const linger at_once{1, 0};
    ::setsockopt(client.native_handle(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    client.close();

    const auto result = read();

    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().kind, ErrorKind::peer);
    EXPECT_TRUE(is_disconnect(result.error().code)) << result.error().message();
}

TEST_F(SocketStreamTest, TryReadTellsTheStatesApart) {
    EXPECT_EQ(server.try_read(buffer).status, Status::would_block);
    send("now");
    const auto attempt = server.try_read(buffer);
    EXPECT_EQ(attempt.status, Status::done);
    EXPECT_EQ(text(attempt.count), "now");
    server.close();
    EXPECT_EQ(server.try_read(buffer).status, Status::failed);
    EXPECT_EQ(server.try_write(as_bytes("x")).status, Status::failed);
}

// The next four mix direct reads with Asio's edge-triggered ones in every order.

TEST_F(SocketStreamTest, WaitsAgainAfterATryReadThatDrainedTheSocket) {
    send("one");
    EXPECT_EQ(read_text(), "one");
    send("two");
    EXPECT_EQ(server.try_read(buffer).count, 3U);
    EXPECT_EQ(server.try_read(buffer).status, Status::would_block);

    EXPECT_EQ(run_coroutine(context, read_while(server, client, "three")), "three");
}

TEST_F(SocketStreamTest, ReadsTheRestAfterATryReadThatWasShort) {
    send("one");
    EXPECT_EQ(read_text(), "one");
    send("twelve");
    Bytes three(3);
    EXPECT_EQ(server.try_read(three).count, 3U);

    EXPECT_EQ(read_text(), "lve");
}

TEST_F(SocketStreamTest, ReadsTheRestAfterTheEdgeWasSeenAndATryReadWasShort) {
    send("one");
    EXPECT_EQ(read_text(), "one");
    send("twelve");
    context.restart();
    context.poll();
    Bytes three(3);
    EXPECT_EQ(server.try_read(three).count, 3U);

    EXPECT_EQ(read_text(), "lve");
}

TEST_F(SocketStreamTest, WaitsAgainAfterTheEdgeWasSeenAndATryReadDrainedTheSocket) {
    send("one");
    EXPECT_EQ(read_text(), "one");
    send("two");
    context.restart();
    context.poll();
    EXPECT_EQ(server.try_read(buffer).count, 3U);

    EXPECT_EQ(run_coroutine(context, read_while(server, client, "three")), "three");
}

TEST_F(SocketStreamTest, AReadThatFillsItsBufferIsFollowedByTheRest) {
    send("abcdef");
    Bytes three(3);

    EXPECT_EQ(*run_coroutine(context, server.read_some(three)), 3U);
    EXPECT_EQ(*run_coroutine(context, server.read_some(three)), 3U);
    EXPECT_EQ(server.try_read(three).status, Status::would_block);
}

constexpr std::size_t forever = ~std::size_t(0);

Awaitable<Result<void>> drain(SocketStream& stream, std::size_t bytes) {
    Bytes block(65536);
    while (bytes > 0) {
        const auto count = co_await stream.read_some(block);
        if (!count) co_return count.error();
        bytes -= std::min(bytes, *count);
    }
    co_return Result<void>();
}

TEST_F(SocketStreamTest, AWriterWaitsForRoom) {
    const Bytes sent(20'000'000, 7);

    const auto results =
        run_coroutine(context, both(client.write_all(sent), drain(server, sent.size())));

    EXPECT_TRUE(std::get<0>(results).has_value());
    EXPECT_TRUE(std::get<1>(results).has_value());
}

TEST_F(SocketStreamTest, WritesWaitAfterATryWriteThatFilledTheSocket) {
    fill();

    const auto first =
        run_coroutine(context, race(client.write_some(as_bytes("x")), drain(server, forever)));

    ASSERT_EQ(first.index(), 0U);
    EXPECT_EQ(*std::get<0>(first), 1U);
}

TEST_F(SocketStreamTest, APendingReadTimesOutAtTheDeadline) {
    server.set_deadline(soon());

    const auto result = read();

    EXPECT_TRUE(is_timeout(result.error().code)) << result.error().message();
}

TEST_F(SocketStreamTest, APendingWriteTimesOutAtTheDeadline) {
    fill();
    client.set_deadline(soon());

    const auto result = run_coroutine(context, client.write_some(as_bytes("x")));

    EXPECT_TRUE(is_timeout(result.error().code)) << result.error().message();
}

TEST_F(SocketStreamTest, AfterTheDeadlineEverythingFailsAtOnce) {
    server.set_deadline(Deadline());
    send("too late");

    EXPECT_TRUE(is_timeout(read().error().code));
    const auto written = run_coroutine(context, server.write_some(as_bytes("x")));
    EXPECT_TRUE(is_timeout(written.error().code));
}

TEST_F(SocketStreamTest, ALaterDeadlineRevivesTheStream) {
    server.set_deadline(soon());
    EXPECT_TRUE(is_timeout(read().error().code));
    send("alive");

    server.set_deadline(std::chrono::steady_clock::now() + std::chrono::hours(1));
    EXPECT_EQ(read_text(), "alive");
    server.set_deadline(soon());
    EXPECT_TRUE(is_timeout(read().error().code));
    server.set_deadline(no_deadline);
    send("again");
    EXPECT_EQ(read_text(), "again");
}

TEST_F(SocketStreamTest, ADeadlineMayMoveInBothDirectionsWhileReading) {
    const auto start = std::chrono::steady_clock::now();
    server.set_deadline(start + milliseconds(2));
    server.set_deadline(start + milliseconds(20));
    EXPECT_TRUE(is_timeout(read().error().code));
    EXPECT_GE(std::chrono::steady_clock::now() - start, milliseconds(20));

    server.set_deadline(start + std::chrono::hours(1));
    server.set_deadline(soon());
    EXPECT_TRUE(is_timeout(read().error().code));
}

TEST_F(SocketStreamTest, ADeadlineThatWasTakenAwayLeavesNothingBehind) {
    server.set_deadline(soon());
    server.set_deadline(no_deadline);
    client.set_deadline(std::chrono::steady_clock::now() + std::chrono::hours(1));
    client.close();
    EXPECT_TRUE(test::run_until(context, [&] { return context.stopped(); }));
}

TEST_F(SocketStreamTest, MayGoWithItsDeadlinePending) {
    server.set_deadline(Deadline());
    pair.server.reset();
    context.poll();
}

Awaitable<bool> close_soon(SocketStream& stream) {
    co_await sleep_for(milliseconds(1));
    stream.close();
    co_return true;
}

TEST_F(SocketStreamTest, CloseEndsAPendingRead) {
    const auto results = run_coroutine(context, both(server.read_some(buffer), close_soon(server)));

    EXPECT_EQ(std::get<0>(results).error().code, boost::system::errc::operation_canceled);
}

TEST_F(SocketStreamTest, WorksOnOutsideItsContext) {
    server.detach();
    send("hello");

    EXPECT_EQ(server.try_read(buffer).count, 5U);
    EXPECT_EQ(server.try_write(as_bytes("bye")).count, 3U);
    EXPECT_EQ(server.try_shutdown_send().status, Status::done);
    EXPECT_EQ(*run_coroutine(context, client.read_some(buffer)), 3U);
    EXPECT_EQ(*run_coroutine(context, client.read_some(buffer)), 0U);
    server.close();
    EXPECT_EQ(server.try_read(buffer).status, Status::failed);
    EXPECT_EQ(server.try_shutdown_send().error, boost::system::errc::operation_canceled);
}

TEST_F(SocketStreamTest, TryReadTellsWhetherMoreMayBeThere) {
    send("abcdef");
    Bytes four(4);

    EXPECT_TRUE(server.try_read(four).more);
    EXPECT_FALSE(server.try_read(four).more);
}

TEST_F(SocketStreamTest, KnowsItsPeer) {
    EXPECT_EQ(server.peer_address(), "127.0.0.1");
    EXPECT_TRUE(server.peer().starts_with("127.0.0.1:")) << server.peer();
    const auto ends = test::unix_pair(context);
    EXPECT_EQ(ends.server->peer(), "unix");
    EXPECT_EQ(ends.server->peer_address(), "");
}

TEST_F(SocketStreamTest, NoticesPeersThatVanish) {
    const auto option = [&](int level, int name) {
        int value = 0;
        socklen_t size = sizeof value;
        ::getsockopt(server.native_handle(), level, name, &value, &size);
        return value;
    };
    EXPECT_EQ(option(IPPROTO_TCP, TCP_NODELAY), 1);
    EXPECT_EQ(option(SOL_SOCKET, SO_KEEPALIVE), 1);
    EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPIDLE), 60);
    EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPINTVL), 10);
    EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPCNT), 3);
    EXPECT_EQ(option(IPPROTO_TCP, TCP_USER_TIMEOUT), 90'000);
}

TEST_F(SocketStreamTest, UnixSocketsWorkTheSame) {
    auto ends = test::unix_pair(context);

    EXPECT_EQ(run_coroutine(context, read_while(*ends.server, *ends.client, "unix")), "unix");
    EXPECT_TRUE(run_coroutine(context, ends.client->shutdown_send()).has_value());
    EXPECT_EQ(*run_coroutine(context, ends.server->read_some(buffer)), 0U);
}

}  // namespace
}  // namespace sluice::net
