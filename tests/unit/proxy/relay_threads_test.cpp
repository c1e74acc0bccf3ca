#include "proxy/passthrough/relay_threads.hpp"

#include "common/net/race.hpp"
#include "common/net/tls_stream.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/coroutine.hpp"
#include "tests/support/socket_pair.hpp"
#include "tests/unit/proxy/bytes.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <random>

namespace sluice::proxy {
namespace {

using test::message;
using test::run_coroutine;
using test::run_until;
using test::text;
using Stream = std::unique_ptr<net::ByteStream>;

// Sends all in pieces of random size, then the end.
net::Awaitable<bool> send_all(net::ByteStream& stream, const Bytes& all, unsigned seed) {
    std::mt19937 random(seed);
    ByteView left = all;
    while (!left.empty()) {
        const std::size_t piece = std::min<std::size_t>(left.size(), 1 + random() % 150'000);
        const auto sent = co_await stream.write_all(left.first(piece));
        if (!sent) co_return false;
        left = left.subspan(piece);
    }
    const auto ended = co_await stream.shutdown_send();
    co_return ended.has_value();
}

net::Awaitable<Bytes> receive_all(net::ByteStream& stream) {
    Bytes all;
    Bytes buffer(100'000);
    for (;;) {
        const auto count = co_await stream.read_some(buffer);
        if (!count || *count == 0) co_return all;
        append(all, ByteView(buffer).first(*count));
    }
}

net::Awaitable<std::string> receive(net::ByteStream& stream, std::size_t size) {
    std::string received;
    Bytes buffer(size);
    while (received.size() < size) {
        const ByteSpan space = ByteSpan(buffer).first(size - received.size());
        const auto count = co_await stream.read_some(space);
        if (!count || *count == 0) co_return received;
        received += as_text(ByteView(space).first(*count));
    }
    co_return received;
}

Bytes random_bytes(std::size_t size, unsigned seed) {
    std::mt19937 random(seed);
    Bytes bytes(size);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
    return bytes;
}

enum class Transport { unix_socket, tcp, tls };

// One session between two connections; the test holds the outer ends.
class RelayThreadsTest : public testing::TestWithParam<Transport> {
protected:
    struct Line {
        Stream client;   // what a driver holds
        Stream compute;  // what a server holds
        std::shared_ptr<Passthrough> session;
        std::shared_ptr<std::atomic<int>> done = std::make_shared<std::atomic<int>>(0);
    };

    Line connect() {
        auto [client, near_client] = pair();
        auto [near_compute, compute] = pair();
        Line line;
        line.client = std::move(client);
        line.compute = std::move(compute);
        line.session = std::make_shared<Passthrough>(
            std::move(near_client), std::move(near_compute), metrics, Passthrough::Options());
        line.session->expect_queries();
        relays.add(line.session, [done = line.done] { ++*done; });
        return line;
    }
    bool ends(const Line& line) {
        return run_until(context, [&] { return *line.done != 0; });
    }
    std::string at_client(Line& line, std::size_t size) {
        return run_coroutine(context, receive(*line.client, size));
    }
    std::string at_compute(Line& line, std::size_t size) {
        return run_coroutine(context, receive(*line.compute, size));
    }
    void send(net::ByteStream& stream, const Bytes& bytes) {
        ASSERT_TRUE(run_coroutine(context, stream.write_all(bytes)));
    }
    void end(net::ByteStream& stream) {
        ASSERT_TRUE(run_coroutine(context, stream.shutdown_send()));
    }

    boost::asio::io_context context;
    metrics::Registry registry;
    ProxyMetrics metrics{registry};
    RelayThreads relays{2};

    void SetUp() override { relays.start(); }

private:
    std::pair<Stream, Stream> pair() {
        auto ends = GetParam() == Transport::unix_socket ? test::unix_pair(context)
                                                         : test::tcp_pair(context);
        if (GetParam() != Transport::tls) return {std::move(ends.client), std::move(ends.server)};
        auto connecting =
            net::TlsStream::connect(std::move(ends.client), client_tls(), "localhost");
        auto accepting = net::TlsStream::accept(std::move(ends.server),
                                                server_tls(),
                                                Bytes(),
                                                net::TlsStream::Negotiation::ssl_request);
        auto shaken =
            run_coroutine(context, net::both(std::move(connecting), std::move(accepting)));
        return {std::move(*std::get<0>(shaken)), std::move(*std::get<1>(shaken))};
    }
    static std::shared_ptr<const net::TlsServerContext> server_tls() {
        static const test::TestCertificates certificates;
        const net::TlsServerContext::Files files{certificates.server.certificate,
                                                 certificates.server.key};
        return *net::TlsServerContext::load(files, net::TlsServerContext::Alpn::none);
    }
    static std::shared_ptr<const net::TlsClientContext> client_tls() {
        return *net::TlsClientContext::make(net::TlsMode::require, std::nullopt);
    }
};

INSTANTIATE_TEST_SUITE_P(Over,
                         RelayThreadsTest,
                         testing::Values(Transport::unix_socket, Transport::tcp, Transport::tls),
                         [](const auto& param) -> std::string {
                             switch (param.param) {
                             case Transport::unix_socket: return "Unix";
                             case Transport::tcp: return "Tcp";
                             case Transport::tls: return "Tls";
                             }
                             return "";
                         });

TEST_P(RelayThreadsTest, PassQuestionsAndAnswers) {
    Line line = connect();
    for (int i = 0; i < 20; ++i) {
        send(*line.client, message('Q', "select 1"));
        EXPECT_EQ(at_compute(line, 13), text(message('Q', "select 1")));
        send(*line.compute, message('Z', "I"));
        EXPECT_EQ(at_client(line, 6), text(message('Z', "I")));
    }
    end(*line.client);
    EXPECT_EQ(at_compute(line, 1), "");
    end(*line.compute);
    EXPECT_EQ(at_client(line, 1), "");
    EXPECT_TRUE(ends(line));
    EXPECT_EQ(line.session->summary().end, SessionEnd::client_closed);
    EXPECT_EQ(line.session->summary().bytes_to_compute, 20U * 13U);
}

TEST_P(RelayThreadsTest, KeepEveryByteOfBothDirections) {
    const unsigned seed = 4711;
    SCOPED_TRACE("seed " + std::to_string(seed));
    constexpr std::size_t size = 6U << 20U;
    const Bytes up = random_bytes(size, seed);
    const Bytes down = random_bytes(size + 77, seed + 1);
    Line line = connect();
    auto sending = net::both(send_all(*line.client, up, seed), send_all(*line.compute, down, seed));
    auto receiving = net::both(receive_all(*line.compute), receive_all(*line.client));
    const auto results =
        run_coroutine(context, net::both(std::move(sending), std::move(receiving)));
    EXPECT_EQ(std::get<0>(results), std::make_tuple(true, true));
    EXPECT_TRUE(std::get<0>(std::get<1>(results)) == up);
    EXPECT_TRUE(std::get<1>(std::get<1>(results)) == down);
    EXPECT_TRUE(ends(line));
    EXPECT_EQ(line.session->summary().bytes_to_compute, up.size());
    EXPECT_EQ(line.session->summary().bytes_to_client, down.size());
}

// The reader begins when the sender is stuck; the end comes behind everything.
TEST_P(RelayThreadsTest, HoldBackASenderUntilTheReaderReads) {
    Line line = connect();
    const Bytes block(1U << 20U, 'x');
    std::size_t sent = 0;
    for (int stuck = 0; stuck < 50;) {
        const auto attempt = line.compute->try_write(block);
        if (attempt.status == net::ByteStream::Attempt::Status::done) {
            sent += attempt.count;
            stuck = 0;
        } else {
            ++stuck;
            context.restart();
            context.run_for(std::chrono::milliseconds(1));
        }
        ASSERT_LT(sent, 64U << 20U) << "nothing holds the sender back";
    }
    // A TLS record that was begun has to be finished with the same bytes.
    const Bytes rest(block.begin(), block.end());
    auto finishing = send_all(*line.compute, rest, 1);
    const auto results =
        run_coroutine(context, net::both(std::move(finishing), receive_all(*line.client)));
    EXPECT_TRUE(std::get<0>(results));
    EXPECT_EQ(std::get<1>(results).size(), sent + rest.size());
    end(*line.client);
    EXPECT_TRUE(ends(line));
}

TEST_P(RelayThreadsTest, NoticeAClientThatVanishes) {
    Line line = connect();
    send(*line.client, message('Q', "select pg_sleep(100)"));
    EXPECT_EQ(at_compute(line, 25).size(), 25U);
    send(*line.compute, message('N', "unread"));
    EXPECT_EQ(at_client(line, 1), "N");
    line.client->close();  // with bytes unread: a reset
    EXPECT_EQ(run_coroutine(context, receive_all(*line.compute)), Bytes());
    line.compute->close();
    EXPECT_TRUE(ends(line));
}

TEST_P(RelayThreadsTest, DrainIdleSessionsAndLaterOnes) {
    Line early = connect();
    send(*early.compute, message('N', "x"));
    EXPECT_EQ(at_client(early, 6).size(), 6U);
    relays.drain();
    EXPECT_NE(text(run_coroutine(context, receive_all(*early.client))).find("57P01"),
              std::string::npos);
    EXPECT_EQ(at_compute(early, 5), text(message('X')));
    Line late = connect();
    EXPECT_NE(text(run_coroutine(context, receive_all(*late.client))).find("57P01"),
              std::string::npos);
    for (Line* line : {&early, &late}) {
        line->client->close();
        EXPECT_TRUE(ends(*line));
        EXPECT_EQ(line->session->summary().end, SessionEnd::terminated);
    }
}

TEST_P(RelayThreadsTest, TerminateBusySessions) {
    Line line = connect();
    send(*line.client, message('Q', "select pg_sleep(100)"));
    EXPECT_EQ(at_compute(line, 25).size(), 25U);
    relays.terminate();
    EXPECT_NE(text(run_coroutine(context, receive_all(*line.client))).find("57P01"),
              std::string::npos);
    EXPECT_TRUE(ends(line));
    EXPECT_EQ(line.session->summary().end, SessionEnd::terminated);
}

TEST_P(RelayThreadsTest, TerminateSessionsThatComeLater) {
    relays.terminate();
    Line late = connect();
    EXPECT_NE(text(run_coroutine(context, receive_all(*late.client))).find("57P01"),
              std::string::npos);
    EXPECT_TRUE(ends(late));
    EXPECT_EQ(late.session->summary().end, SessionEnd::terminated);
}

TEST_P(RelayThreadsTest, FinishEverySessionWhenTheyStop) {
    std::vector<Line> lines;
    for (int i = 0; i < 10; ++i) lines.push_back(connect());
    relays.stop();
    for (const Line& line : lines) {
        EXPECT_EQ(*line.done, 1);
        EXPECT_TRUE(line.session->finished());
    }
}

TEST_P(RelayThreadsTest, TakeASessionThatIsOverAlready) {
    auto session = std::make_shared<Passthrough>(std::move(test::tcp_pair(context).client),
                                                 std::move(test::tcp_pair(context).client),
                                                 metrics,
                                                 Passthrough::Options());
    session->terminate();
    std::atomic<int> done = 0;
    relays.add(session, [&] { ++done; });
    EXPECT_TRUE(run_until(context, [&] { return done != 0; }));
}

TEST_P(RelayThreadsTest, ServeManySessionsAtOnce) {
    std::vector<Line> lines;
    for (int i = 0; i < 60; ++i) lines.push_back(connect());
    for (std::size_t i = 0; i < lines.size(); ++i) {
        send(*lines[i].client, test::bytes("from " + std::to_string(10 + i)));
    }
    for (std::size_t i = 0; i < lines.size(); ++i) {
        EXPECT_EQ(at_compute(lines[i], 7), "from " + std::to_string(10 + i));
        lines[i].client->close();
        lines[i].compute->close();
    }
    for (const Line& line : lines) EXPECT_TRUE(ends(line));
}

}  // namespace
}  // namespace sluice::proxy
