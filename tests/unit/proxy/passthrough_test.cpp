#include "proxy/passthrough/passthrough.hpp"

#include "tests/support/memory_stream.hpp"
#include "tests/unit/proxy/bytes.hpp"

#include <gtest/gtest.h>

#include <random>

namespace sluice::proxy {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using Side = Passthrough::Side;
using test::bytes;
using test::joined;
using test::MemoryStream;
using test::message;
using test::text;

// Drives a Passthrough as an edge-triggered poller does: it is called for news, never twice for
// the same. Buffers are small, so that the bounds of turns are met.
class PassthroughTest : public testing::Test {
protected:
    PassthroughTest() {
        auto client_stream = std::make_unique<MemoryStream>();
        auto compute_stream = std::make_unique<MemoryStream>();
        client = client_stream.get();
        compute = compute_stream.get();
        session = std::make_unique<Passthrough>(
            std::move(client_stream), std::move(compute_stream), metrics, Passthrough::Options());
    }

    void ready(Side side, bool hangup = false) {
        Passthrough::Readiness readiness;
        readiness.hangup = hangup;
        for (int turn = 0; turn < 10'000 && !session->finished(); ++turn) {
            if (!session->on_ready(side, readiness, buffer)) return;
            ++turns_repeated;
        }
    }
    void client_sends(const Bytes& sent) {
        append(client->incoming, sent);
        ready(Side::client);
    }
    void compute_sends(const Bytes& sent) {
        append(compute->incoming, sent);
        ready(Side::compute);
    }
    void client_ends() {
        client->incoming_ended = true;
        ready(Side::client, true);
    }
    void compute_ends() {
        compute->incoming_ended = true;
        ready(Side::compute, true);
    }
    void takes(MemoryStream& stream, std::size_t count) {
        stream.room = count;
        ready(&stream == client ? Side::client : Side::compute);
    }
    void established() { session->expect_queries(); }
    std::string metric(const std::string& direction) const {
        const std::string all = registry.exposition();
        const std::string name = "sluice_proxy_bytes_total{direction=\"" + direction + "\"} ";
        const auto at = all.find(name);
        if (at == std::string::npos) return "missing";
        return all.substr(at + name.size(), all.find('\n', at) - at - name.size());
    }

    metrics::Registry registry;
    ProxyMetrics metrics{registry};
    MemoryStream* client = nullptr;  // owned by `session`
    MemoryStream* compute = nullptr;
    std::unique_ptr<Passthrough> session;
    Bytes buffer = Bytes(16);
    int turns_repeated = 0;
};

TEST_F(PassthroughTest, CopiesBothWays) {
    established();
    client_sends(bytes("ping"));
    compute_sends(bytes("pong!"));
    EXPECT_EQ(text(compute->outgoing), "ping");
    EXPECT_EQ(text(client->outgoing), "pong!");
    EXPECT_FALSE(session->finished());
    EXPECT_EQ(session->deadline(), no_deadline);
}

TEST_F(PassthroughTest, BeginsWithBytesReceivedBefore) {
    established();
    session->begin_with(bytes("early query"), bytes("early answer"));
    client_sends(bytes("+"));
    compute_sends(bytes("+"));
    EXPECT_EQ(text(compute->outgoing), "early query+");
    EXPECT_EQ(text(client->outgoing), "early answer+");
    EXPECT_EQ(session->summary().bytes_to_compute, 12U);
    EXPECT_EQ(session->summary().bytes_to_client, 13U);
}

TEST_F(PassthroughTest, KeepsTheOrderWhenTheFirstBytesAreNotTaken) {
    established();
    compute->room = 3;
    session->begin_with(bytes("abcdef"), {});
    client_sends(bytes("ghi"));
    takes(*compute, SIZE_MAX);
    EXPECT_EQ(text(compute->outgoing), "abcdefghi");
}

TEST_F(PassthroughTest, PassesTheEndOfTheClientOnAndGoesOnWithTheCompute) {
    established();
    client_sends(message('Q', "last"));
    client_ends();
    EXPECT_TRUE(compute->send_ended);
    EXPECT_FALSE(session->finished());
    compute_sends(bytes("answer"));
    EXPECT_EQ(text(client->outgoing), "answer");
    compute_ends();
    EXPECT_TRUE(client->send_ended);
    EXPECT_TRUE(session->finished());
    EXPECT_TRUE(client->closed && compute->closed);
    EXPECT_EQ(session->summary().end, SessionEnd::client_closed);
}

TEST_F(PassthroughTest, PassesTheEndOfTheComputeOnAndGoesOnWithTheClient) {
    established();
    compute_ends();
    EXPECT_TRUE(client->send_ended);
    EXPECT_FALSE(session->finished());
    client_sends(bytes("still here"));
    EXPECT_EQ(text(compute->outgoing), "still here");
    client_ends();
    EXPECT_TRUE(session->finished());
    EXPECT_EQ(session->summary().end, SessionEnd::compute_closed);
    EXPECT_FALSE(session->summary().query_abandoned);
}

TEST_F(PassthroughTest, PassesTheEndOnBehindBytesThatWait) {
    established();
    client->room = 2;
    append(compute->incoming, bytes("abcdef"));
    compute_ends();
    EXPECT_FALSE(client->send_ended);
    takes(*client, 2);
    EXPECT_FALSE(client->send_ended);
    takes(*client, SIZE_MAX);
    EXPECT_EQ(text(client->outgoing), "abcdef");
    EXPECT_TRUE(client->send_ended);
}

// The hang-up is announced once, while the client does not take what came before it.
TEST_F(PassthroughTest, DoesNotForgetAHangUpBehindASlowReader) {
    established();
    client->room = 1;
    append(compute->incoming, Bytes(5 * buffer.size() + 3, 'x'));
    compute_ends();
    EXPECT_EQ(client->outgoing.size(), 1U);
    takes(*client, SIZE_MAX);
    EXPECT_EQ(client->outgoing.size(), 5 * buffer.size() + 3);
    EXPECT_TRUE(client->send_ended);
}

TEST_F(PassthroughTest, DoesNotForgetAFailureBehindASlowReader) {
    established();
    client->room = 1;
    append(compute->incoming, bytes("abcdef"));
    compute->reads_fail = true;
    ready(Side::compute, true);
    takes(*client, SIZE_MAX);
    EXPECT_EQ(text(client->outgoing), "abcdef");
    EXPECT_TRUE(session->finished());
    EXPECT_EQ(session->summary().end, SessionEnd::compute_lost);
}

TEST_F(PassthroughTest, ReadsOnAfterASlowReaderForMoreThanOneTurn) {
    established();
    client->room = 0;
    const Bytes bulk(200 * buffer.size(), 'x');
    compute_sends(bulk);
    takes(*client, SIZE_MAX);
    EXPECT_EQ(client->outgoing.size(), bulk.size());
    EXPECT_GT(turns_repeated, 0) << "others get their turn in between";
}

TEST_F(PassthroughTest, ReadsNoMoreThanTheOtherSideTakes) {
    established();
    client->room = 0;
    compute_sends(Bytes(100 * buffer.size(), 'x'));
    EXPECT_GE(compute->incoming.size(), 99 * buffer.size());
    for (int i = 0; i < 10; ++i) ready(Side::compute);
    EXPECT_GE(compute->incoming.size(), 99 * buffer.size());
}

TEST_F(PassthroughTest, LetsOneDirectionPassWhileTheOtherIsBlocked) {
    established();
    client->room = 0;
    compute_sends(bytes("blocked"));
    client_sends(bytes("free"));
    EXPECT_EQ(text(compute->outgoing), "free");
    takes(*client, SIZE_MAX);
    EXPECT_EQ(text(client->outgoing), "blocked");
}

TEST_F(PassthroughTest, KeepsEveryByteWhateverThePieces) {
    const unsigned seed = 20'240'607;
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    const auto below = [&](std::size_t bound) { return random() % bound; };
    established();
    client->room = 0;
    compute->room = 0;
    Bytes to_client;
    Bytes to_compute;
    const auto send_some = [&](Bytes& all, MemoryStream& stream, Side side) {
        Bytes piece(1 + below(90));
        for (auto& byte : piece) byte = static_cast<std::uint8_t>(random());
        append(all, piece);
        append(stream.incoming, piece);
        ready(side);
    };
    for (int step = 0; step < 4000; ++step) {
        switch (below(4)) {
        case 0: send_some(to_compute, *client, Side::client); break;
        case 1: send_some(to_client, *compute, Side::compute); break;
        case 2: takes(*client, below(120)); break;
        default: takes(*compute, below(120)); break;
        }
    }
    client->incoming_ended = true;
    ready(Side::client, true);
    compute->incoming_ended = true;
    ready(Side::compute, true);
    takes(*client, SIZE_MAX);
    takes(*compute, SIZE_MAX);
    EXPECT_EQ(client->outgoing, to_client);
    EXPECT_EQ(compute->outgoing, to_compute);
    EXPECT_TRUE(session->finished());
    EXPECT_EQ(session->summary().bytes_to_client, to_client.size());
    EXPECT_EQ(session->summary().bytes_to_compute, to_compute.size());
    EXPECT_EQ(metric("to_client"), std::to_string(to_client.size()));
    EXPECT_EQ(metric("to_compute"), std::to_string(to_compute.size()));
}

// What a server says before it goes must not be lost because it takes no more.
TEST_F(PassthroughTest, PassesTheLastWordsOfAComputeThatTakesNothing) {
    established();
    compute->writes_fail = true;
    compute->incoming = bytes("FATAL: terminating connection");
    compute->incoming_ended = true;
    client_sends(message('Q', "select 1"));
    ready(Side::compute, true);
    EXPECT_EQ(text(client->outgoing), "FATAL: terminating connection");
    EXPECT_TRUE(client->send_ended || client->closed);
    EXPECT_TRUE(session->finished());
    EXPECT_EQ(session->summary().end, SessionEnd::compute_lost);
    EXPECT_FALSE(session->summary().query_abandoned);
}

TEST_F(PassthroughTest, NoticesAClientThatIsLostInAQuery) {
    established();
    client_sends(message('Q', "select pg_sleep(1000)"));
    client->reads_fail = true;
    ready(Side::client, true);
    EXPECT_TRUE(session->finished());
    EXPECT_TRUE(compute->closed);
    const auto summary = session->summary();
    EXPECT_EQ(summary.end, SessionEnd::client_lost);
    EXPECT_TRUE(summary.query_abandoned);
    EXPECT_FALSE(summary.detail.empty());
}

TEST_F(PassthroughTest, NoticesAClientThatTakesNoAnswer) {
    established();
    client_sends(message('Q', "select"));
    client->writes_fail = true;
    compute_sends(message('D', "row"));
    EXPECT_TRUE(session->finished());
    EXPECT_EQ(session->summary().end, SessionEnd::client_lost);
    EXPECT_TRUE(session->summary().query_abandoned);
}

TEST_F(PassthroughTest, AbandonsNothingWhenAnIdleClientIsLost) {
    established();
    client->reads_fail = true;
    ready(Side::client, true);
    EXPECT_EQ(session->summary().end, SessionEnd::client_lost);
    EXPECT_FALSE(session->summary().query_abandoned);
}

TEST_F(PassthroughTest, AbandonsNothingWhenTheComputeIsLost) {
    established();
    client_sends(message('Q', "select 1"));
    compute->reads_fail = true;
    ready(Side::compute, true);
    EXPECT_TRUE(session->finished());
    EXPECT_EQ(session->summary().end, SessionEnd::compute_lost);
    EXPECT_FALSE(session->summary().query_abandoned);
}

TEST_F(PassthroughTest, LimitsTheSilenceAfterTheClientsEnd) {
    established();
    client_sends(message('Q', "select pg_sleep(1000)"));
    const auto before = Clock::now();
    client_ends();
    EXPECT_GE(session->deadline(), before + 30s);
    EXPECT_LE(session->deadline(), Clock::now() + 30s);
    session->on_deadline();
    EXPECT_TRUE(session->finished());
    EXPECT_EQ(session->deadline(), no_deadline);
    EXPECT_EQ(session->summary().end, SessionEnd::half_close_timeout);
    EXPECT_TRUE(session->summary().query_abandoned);
}

TEST_F(PassthroughTest, LimitsTheSilenceAfterTheComputesEnd) {
    established();
    compute_ends();
    EXPECT_NE(session->deadline(), no_deadline);
    session->on_deadline();
    EXPECT_EQ(session->summary().end, SessionEnd::half_close_timeout);
    EXPECT_FALSE(session->summary().query_abandoned);
}

TEST_F(PassthroughTest, MovesTheLimitWithEveryByteOfTheOtherSide) {
    established();
    client_ends();
    const auto first = session->deadline();
    while (Clock::now() + 30s <= first) {
    }
    compute_sends(bytes("x"));
    EXPECT_GT(session->deadline(), first);
}

// ---- login through the proxy

class PassthroughLogin : public PassthroughTest {
protected:
    PassthroughLogin() {
        LoginRelay relay([this](const pg::BackendKey& key) {
            ++keys_exchanged;
            return Bytes(key.key.size(), 0xEE);
        });
        session->expect_login(std::move(relay), login_deadline, [this] { ++logins; });
    }
    Bytes login(std::uint8_t key_filler) const {
        Bytes out = message('R', std::string(4, '\0'));
        EXPECT_TRUE(pg::encode_backend_key_data(out, 7, Bytes(4, key_filler)));
        append(out, message('Z', "I"));
        return out;
    }
    const Deadline login_deadline = Clock::now() + 1h;
    int logins = 0;
    int keys_exchanged = 0;
};

TEST_F(PassthroughLogin, ExchangesTheCancelKey) {
    compute_sends(joined({login(1), message('N', "behind")}));
    EXPECT_EQ(client->outgoing, joined({login(0xEE), message('N', "behind")}));
    EXPECT_EQ(logins, 1);
    EXPECT_EQ(keys_exchanged, 1);
    EXPECT_EQ(session->deadline(), no_deadline);
}

TEST_F(PassthroughLogin, ExchangesTheCancelKeyForASlowReader) {
    client->room = 0;
    compute_sends(login(1));
    while (client->outgoing.size() < login(1).size()) takes(*client, 1);
    EXPECT_EQ(client->outgoing, login(0xEE));
    compute_sends(message('N', "later"));
    takes(*client, SIZE_MAX);
    EXPECT_EQ(client->outgoing, joined({login(0xEE), message('N', "later")}));
}

TEST_F(PassthroughLogin, RelaysTheDialogueUnchanged) {
    const Bytes request = message('R', std::string("\0\0\0\x0ASCRAM-SHA-256\0\0", 20));
    compute_sends(request);
    client_sends(message('p', "proof"));
    EXPECT_EQ(client->outgoing, request);
    EXPECT_EQ(compute->outgoing, message('p', "proof"));
    EXPECT_EQ(logins, 0);
    EXPECT_EQ(session->deadline(), login_deadline);
}

TEST_F(PassthroughLogin, RelaysARefusalAndItsEnd) {
    const Bytes refusal = message('E', std::string("SFATAL\0C28P01\0Mno\0\0", 19));
    append(compute->incoming, refusal);
    compute_ends();
    EXPECT_EQ(client->outgoing, refusal);
    EXPECT_TRUE(client->send_ended);
    EXPECT_NE(session->deadline(), no_deadline);
    client_ends();
    EXPECT_TRUE(session->finished());
    EXPECT_EQ(session->summary().end, SessionEnd::compute_closed);
    EXPECT_EQ(logins, 0);
}

TEST_F(PassthroughLogin, EndsAtItsDeadlineAndSaysSo) {
    session->on_deadline();
    EXPECT_TRUE(session->finished());
    EXPECT_EQ(session->summary().end, SessionEnd::login_timeout);
    const std::string told = text(client->outgoing);
    EXPECT_EQ(told.substr(0, 1), "E");
    EXPECT_NE(told.find("SFATAL"), std::string::npos);
    EXPECT_NE(told.find("C57014"), std::string::npos);
}

TEST_F(PassthroughLogin, TellsTheClientOfAComputeThatBreaksTheProtocol) {
    compute_sends(bytes("HTTP/1.1 400 Bad Request"));
    EXPECT_TRUE(session->finished());
    EXPECT_EQ(session->summary().end, SessionEnd::compute_lost);
    const std::string told = text(client->outgoing);
    EXPECT_NE(told.find("C08006"), std::string::npos);
    EXPECT_EQ(told.find("HTTP"), std::string::npos);
}

TEST_F(PassthroughLogin, IsNotDrainedBeforeItIsOver) {
    session->drain();
    EXPECT_TRUE(client->outgoing.empty());
    EXPECT_FALSE(session->finished());
    compute_sends(login(1));
    EXPECT_NE(text(client->outgoing).find("C57P01"), std::string::npos);
}

// ---- shutdown

const std::string admin_shutdown = [] {
    Bytes out;
    pg::encode_error_response(
        out,
        pg::ErrorFields::fatal("57P01", "terminating connection due to administrator command"));
    return text(out);
}();

TEST_F(PassthroughTest, DrainEndsAnIdleSessionAtOnce) {
    established();
    session->drain();
    EXPECT_EQ(text(client->outgoing), admin_shutdown);
    EXPECT_TRUE(client->send_ended);
    EXPECT_EQ(compute->outgoing, message('X'));
    EXPECT_FALSE(session->finished()) << "the client gets time to read";
    client_ends();
    EXPECT_TRUE(session->finished());
    EXPECT_EQ(session->summary().end, SessionEnd::terminated);
    EXPECT_FALSE(session->summary().query_abandoned);
}

TEST_F(PassthroughTest, DrainGivesTheClientLittleTimeToClose) {
    established();
    session->drain();
    EXPECT_LE(session->deadline(), Clock::now() + 2s);
    const auto limit = session->deadline();
    client_sends(bytes("chatter"));
    EXPECT_EQ(session->deadline(), limit);
    session->on_deadline();
    EXPECT_TRUE(session->finished());
    EXPECT_EQ(session->summary().end, SessionEnd::terminated);
}

TEST_F(PassthroughTest, DrainLetsAQueryEnd) {
    established();
    client_sends(message('Q', "select 1"));
    session->drain();
    EXPECT_TRUE(client->outgoing.empty());
    const Bytes answer = joined({message('T', "t"), message('D', "d"), message('Z', "I")});
    compute_sends(answer);
    EXPECT_EQ(text(client->outgoing), text(answer) + admin_shutdown);
}

TEST_F(PassthroughTest, DrainLetsATransactionEnd) {
    established();
    client_sends(message('Q', "begin"));
    compute_sends(message('Z', "T"));
    session->drain();
    EXPECT_EQ(client->outgoing, message('Z', "T"));
    client_sends(message('Q', "commit"));
    compute_sends(message('Z', "I"));
    EXPECT_EQ(text(client->outgoing),
              text(joined({message('Z', "T"), message('Z', "I")})) + admin_shutdown);
}

TEST_F(PassthroughTest, DrainWaitsUntilTheAnswerIsTaken) {
    established();
    client_sends(message('Q', "select 1"));
    client->room = 2;
    compute_sends(message('Z', "I"));
    session->drain();
    EXPECT_EQ(client->outgoing.size(), 2U);
    takes(*client, SIZE_MAX);
    EXPECT_EQ(text(client->outgoing), text(message('Z', "I")) + admin_shutdown);
}

TEST_F(PassthroughTest, DrainDoesNothingToASessionThatEndsAnyway) {
    established();
    client_ends();
    session->drain();
    EXPECT_TRUE(client->outgoing.empty());
    compute_ends();
    EXPECT_TRUE(session->finished());
    EXPECT_EQ(session->summary().end, SessionEnd::client_closed);
}

TEST_F(PassthroughTest, NothingPassesAfterTheGoodbye) {
    established();
    session->drain();
    compute_sends(message('N', "too late"));
    client_sends(message('Q', "too late"));
    EXPECT_EQ(text(client->outgoing), admin_shutdown);
    EXPECT_EQ(compute->outgoing, message('X'));
}

TEST_F(PassthroughTest, TerminateTellsABusyClientBetweenMessages) {
    established();
    client_sends(message('Q', "select pg_sleep(1000)"));
    compute_sends(message('D', "row"));
    session->terminate();
    EXPECT_TRUE(session->finished());
    EXPECT_EQ(text(client->outgoing), text(message('D', "row")) + admin_shutdown);
    EXPECT_EQ(session->summary().end, SessionEnd::terminated);
}

TEST_F(PassthroughTest, TerminateTearsNoMessage) {
    established();
    client_sends(message('Q', "select"));
    const Bytes row = message('D', "a long row");
    compute_sends(Bytes(row.begin(), row.begin() + 7));
    session->terminate();
    EXPECT_EQ(client->outgoing, Bytes(row.begin(), row.begin() + 7));
    EXPECT_TRUE(session->finished());
}

TEST_F(PassthroughTest, TerminateDoesNotCutInWhereBytesWait) {
    established();
    client_sends(message('Q', "select"));
    client->room = 3;
    compute_sends(message('D', "row"));
    client->room = SIZE_MAX;
    session->terminate();
    EXPECT_EQ(client->outgoing.size(), 3U);
}

TEST_F(PassthroughTest, TerminateAfterTheEndDoesNothing) {
    established();
    client_ends();
    compute_ends();
    session->terminate();
    EXPECT_TRUE(client->outgoing.empty());
    EXPECT_EQ(session->summary().end, SessionEnd::client_closed);
}

}  // namespace
}  // namespace sluice::proxy
