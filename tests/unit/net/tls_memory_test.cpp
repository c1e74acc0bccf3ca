#include "tests/unit/net/tls_fixture.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <malloc.h>

#include <cstdio>

// The sanitizers' allocators do not report to mallinfo2.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

namespace sluice::net {
namespace {

constexpr std::size_t sessions = 200;
// Half of what a proxied connection, which has two sides, may take.
constexpr std::size_t bytes_max = 20 * 1024;

Awaitable<void> read_until_the_end(std::unique_ptr<TlsStream> stream) {
    Bytes buffer(1);
    for (;;) {
        const auto count = co_await stream->read_some(buffer);
        if (!count || *count == 0) co_return;
        co_await stream->write_all(buffer);
    }
}

Awaitable<bool> echo(TlsStream& stream) {
    Bytes buffer(1);
    co_await stream.write_all(as_bytes("x"));
    const auto count = co_await stream.read_some(buffer);
    co_return count&&* count == 1;
}

// Sessions that have talked and now wait for more, with their coroutine and socket object.
void measure(const char* version, std::shared_ptr<const TlsClientContext> client) {
    boost::asio::io_context context;
    std::vector<std::unique_ptr<TlsStream>> clients;
    HandshakeOptions options;
    options.client = std::move(client);
    for (std::size_t i = 0; i < sessions; ++i) {
        auto shaken = shake_hands(context, test::tcp_pair(context), options);
        ASSERT_TRUE(shaken.client && shaken.server);
        boost::asio::co_spawn(
            context, read_until_the_end(std::move(*shaken.server)), boost::asio::detached);
        clients.push_back(std::move(*shaken.client));
        ASSERT_TRUE(test::run_coroutine(context, echo(*clients.back())));
    }
    const std::string negotiated = clients.front()->version();
    EXPECT_EQ(negotiated, version);
    context.poll();
    const auto with_sessions = ::mallinfo2().uordblks;

    // Only the sockets go on the client side, so that what is freed is the servers'.
    for (const auto& stream : clients) stream->close();
    ASSERT_TRUE(test::run_until(context, [&] { return context.poll() == 0; }));

    const auto each = (with_sessions - ::mallinfo2().uordblks) / sessions;
    std::printf("an idle %s server session takes %zu bytes\n", version, each);
    EXPECT_LT(each, bytes_max);
    EXPECT_GT(each, 2000U);
}

TEST(TlsStreamMemory, AnIdleTls13SessionIsSmall) { measure("TLSv1.3", client_context()); }

}  // namespace
}  // namespace sluice::net

#endif
