#include "backend/protocol/frontend.hpp"
#include "backend/server/postgres_backend.hpp"
#include "tests/unit/backend/bytes.hpp"
#include "tests/unit/net/tls_fixture.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <gtest/gtest.h>
#include <malloc.h>

#include <cstdio>

// The sanitizers' allocators do not report to mallinfo2.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

namespace sluice::pg {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t sessions = 200;

class OneRow final : public Handler {
public:
    std::optional<ErrorFields> startup(const StartupMessage&) override { return std::nullopt; }
    net::Awaitable<QueryOutcome> process_query(PostgresBackend& backend, std::string) override {
        const std::vector<Column> columns = {{"data"}};
        const std::vector<std::optional<std::string>> row = {"ok"};
        backend.row_description(columns);
        EXPECT_TRUE(encode_data_row(backend.out(), row));
        encode_command_complete(backend.out(), "SELECT 1");
        co_return QueryOutcome();
    }
};

net::Awaitable<void> serve(std::unique_ptr<net::SocketStream> socket,
                           PostgresBackend::Options options) {
    OneRow handler;
    PostgresBackend backend(std::move(options), log::Log());
    co_await backend.run(std::move(socket), handler);
}

net::Awaitable<std::unique_ptr<net::ByteStream>> request_tls(
    std::unique_ptr<net::SocketStream> socket,
    std::shared_ptr<const net::TlsClientContext> context) {
    Bytes request;
    encode_ssl_request(request);
    co_await socket->write_all(request);
    Bytes answer(1);
    co_await socket->read_some(answer);
    auto tls = co_await net::TlsStream::connect(std::move(socket), std::move(context), "localhost");
    if (!tls) co_return nullptr;
    co_return std::move(*tls);
}

// Says `bytes` and reads up to ReadyForQuery.
net::Awaitable<bool> say(net::ByteStream& stream, Bytes bytes) {
    auto sent = co_await stream.write_all(bytes);
    if (!sent) co_return false;
    Bytes answer(4096);
    const auto ready = "Z\0\0\0\5I"sv;
    for (std::size_t end = 0; end < answer.size();) {
        const ByteSpan space = ByteSpan(answer).subspan(end);
        auto count = co_await stream.read_some(space);
        if (!count || *count == 0) co_return false;
        end += *count;
        if (as_text(ByteView(answer).first(end)).ends_with(ready)) co_return true;
    }
    co_return false;
}

// What a session costs that logged in, asked once and now waits: its coroutines, its stream, its
// buffers and the objects around them.
std::size_t measure(const PostgresBackend::Options& options,
                    const std::shared_ptr<const net::TlsClientContext>& tls) {
    log::configure("test", "error", "text");  // a line for each session's end is no news
    boost::asio::io_context context;
    std::vector<std::unique_ptr<net::ByteStream>> clients;
    Bytes query;
    encode_query(query, "SELECT 'ok'");
    for (std::size_t i = 0; i < sessions; ++i) {
        auto pair = test::tcp_pair(context);
        boost::asio::co_spawn(
            context, serve(std::move(pair.server), options), boost::asio::detached);
        std::unique_ptr<net::ByteStream> client;
        if (tls) {
            client = test::run_coroutine(context, request_tls(std::move(pair.client), tls));
        } else {
            client = std::move(pair.client);
        }
        if (client == nullptr) return 0;
        EXPECT_TRUE(
            test::run_coroutine(context, say(*client, startup_packet(3, 0, "user\0app\0\0"sv))));
        EXPECT_TRUE(test::run_coroutine(context, say(*client, query)));
        clients.push_back(std::move(client));
    }
    context.poll();
    const auto with_sessions = ::mallinfo2().uordblks;

    // Only the sockets go on the client side, so that what is freed is the servers'.
    for (const auto& client : clients) client->close();
    EXPECT_TRUE(test::run_until(context, [&] { return context.stopped(); }));
    return (with_sessions - ::mallinfo2().uordblks) / sessions;
}

TEST(PostgresBackendMemory, AnIdleSessionIsSmall) {
    const std::size_t each = measure({}, nullptr);
    std::printf("an idle session takes %zu bytes\n", each);
    EXPECT_LT(each, 8U << 10U);
    EXPECT_GT(each, 1000U);
}

TEST(PostgresBackendMemory, AnIdleTlsSessionIsSmall) {
    PostgresBackend::Options options;
    options.handshake.tls = net::server_context();
    const std::size_t each = measure(options, net::client_context());
    std::printf("an idle TLS session takes %zu bytes\n", each);
    EXPECT_LT(each, 32U << 10U);
    EXPECT_GT(each, 2000U);
}

}  // namespace
}  // namespace sluice::pg

#endif
