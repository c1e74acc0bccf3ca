#include "backend/client/host_search.hpp"

#include "tests/support/certificates.hpp"
#include "tests/unit/backend/client/client_fixture.hpp"

#include <gtest/gtest.h>

#include <array>

namespace sluice::pg {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

class HostSearchTest : public ClientTest {
protected:
    std::string port() const { return std::to_string(server_.port()); }
    std::string both_ports() const { return port() + "," + std::to_string(second_.port()); }
    // user=app sslmode=disable, both servers, and `more`.
    void search_both(std::string more = "") {
        search("host=127.0.0.1,127.0.0.1 port=" + both_ports() + " " + more);
    }
    void search(const std::string& text, Deadline deadline = no_deadline) {
        auto info = parse_conninfo("user=app sslmode=disable " + text);
        ASSERT_TRUE(info) << info.error().detail;
        connected_.reset();
        tasks_.spawn([](boost::asio::io_context& context,
                        ConnInfo chosen,
                        Deadline until,
                        std::optional<Connected>& result) -> net::Awaitable<void> {
            auto outcome = co_await PostgresClient::connect(context, std::move(chosen), until);
            result.emplace(std::move(outcome));
        }(context_, std::move(*info), deadline, connected_));
    }
    // Answers the one question that a server gets.
    static void tell(Peer& server, std::string_view question, std::string word) {
        EXPECT_EQ(server.receive().body, std::string(question) + '\0');
        const std::vector<Column> columns = {{"answer"}};
        const std::vector<std::optional<std::string>> row = {std::move(word)};
        Bytes bytes;
        EXPECT_TRUE(encode_row_description(bytes, columns));
        EXPECT_TRUE(encode_data_row(bytes, row));
        encode_command_complete(bytes, "SHOW");
        encode_ready_for_query(bytes, 'I');
        server.send(bytes);
    }

    ScriptedServer second_{context_};
};

TEST_F(HostSearchTest, TriesTheNextHostWhenOneIsDown) {
    server_.close();
    search("host=127.0.0.1,127.0.0.1 port=1," + std::to_string(second_.port()));
    second_.begin().send(welcome());
    EXPECT_EQ(failure(), "connected");
    EXPECT_EQ(client().host().port, second_.port());
}

TEST_F(HostSearchTest, SendsWhatTheStringSays) {
    search("host=nowhere hostaddr=127.0.0.1 port=" + port() +
           " dbname=shop application_name=till options='-c geqo=off' replication=true");
    begin().send(welcome());
    EXPECT_EQ(failure(), "connected");
    EXPECT_EQ(startup_.user(), "app");
    EXPECT_EQ(startup_.database(), "shop");
    EXPECT_EQ(startup_.find("application_name"), "till");
    EXPECT_EQ(startup_.find("options"), "-c geqo=off");
    EXPECT_EQ(startup_.find("replication"), "true");
    EXPECT_EQ(client().host().host, "nowhere");
}

TEST_F(HostSearchTest, ARefusedLoginEndsTheSearch) {
    search_both();
    begin().send(refusal("28P01", "wrong password"));
    EXPECT_EQ(failure(), "127.0.0.1:" + port() + ": the server says 28P01: wrong password");
    EXPECT_EQ(finish().error().server->code, "28P01");
    EXPECT_FALSE(second_.has_connection());
}

TEST_F(HostSearchTest, AServerThatIsStartingIsPassedOver) {
    search_both();
    begin().send(refusal("57P03", "the database system is starting up"));
    second_.begin().send(welcome());
    EXPECT_EQ(failure(), "connected");
    EXPECT_EQ(client().host().port, second_.port());
}

TEST_F(HostSearchTest, AServerThatHangsUpIsPassedOver) {
    search_both();
    server_.accept().reset();
    second_.begin().send(welcome());
    EXPECT_EQ(failure(), "connected");
}

TEST_F(HostSearchTest, AFailureNamesAllHosts) {
    search_both();
    begin().send(refusal("57P03", "starting"));
    second_.begin().send(refusal("57P03", "stopping"));
    EXPECT_EQ(failure(),
              "127.0.0.1:" + port() + ": the server says 57P03: starting; 127.0.0.1:" +
                  std::to_string(second_.port()) + ": the server says 57P03: stopping");
    EXPECT_EQ(finish().error().server->message, "stopping");
}

TEST_F(HostSearchTest, ASilentServerUsesItsOwnTimeOnly) {
    search_both("connect_timeout=1");
    auto silent = server_.accept();
    second_.begin().send(welcome());
    EXPECT_EQ(failure(), "connected");
}

TEST_F(HostSearchTest, TheDeadlineIsThatOfAllHosts) {
    auto silent_until = std::chrono::steady_clock::now() + std::chrono::milliseconds(50);
    search("host=127.0.0.1,127.0.0.1 port=" + both_ports(), silent_until);
    auto silent = server_.accept();
    EXPECT_FALSE(finish());
    EXPECT_TRUE(is_timeout(finish().error().error.code));
    EXPECT_FALSE(second_.has_connection());
}

struct Attributes {
    std::string wanted;
    std::string standby;
    std::string read_only;
    std::string failure;  // "connected": good
};

TEST_F(HostSearchTest, TargetSessionAttributesComeFromTheLogin) {
    const Attributes cases[] = {
        {"any", "on", "on", "connected"},
        {"read-write", "off", "off", "connected"},
        {"read-write", "on", "off", "session is read-only"},
        {"read-write", "off", "on", "session is read-only"},
        {"read-only", "on", "off", "connected"},
        {"read-only", "off", "on", "connected"},
        {"read-only", "off", "off", "session is not read-only"},
        {"primary", "off", "on", "connected"},
        {"primary", "on", "on", "server is in hot standby mode"},
        {"standby", "on", "off", "connected"},
        {"standby", "off", "off", "server is not in hot standby mode"},
    };
    for (const Attributes& test : cases) {
        SCOPED_TRACE(test.wanted + " " + test.standby + " " + test.read_only);
        search("host=127.0.0.1 port=" + port() + " target_session_attrs=" + test.wanted);
        Peer& server = begin();
        server.send(welcome(
            {{"in_hot_standby", test.standby}, {"default_transaction_read_only", test.read_only}}));
        const bool good = test.failure == "connected";
        EXPECT_TRUE(good || server.receive().tag == 'X');
        const std::string reason = failure();
        EXPECT_EQ(reason, good ? "connected" : "127.0.0.1:" + port() + ": " + test.failure);
    }
}

TEST_F(HostSearchTest, OldServersAreAsked) {
    constexpr auto recovery = "SELECT pg_catalog.pg_is_in_recovery()"sv;
    constexpr auto read_only = "SHOW transaction_read_only"sv;
    struct Case {
        std::string wanted;
        std::string_view question;
        std::string answer;
        bool good;
    };
    const Case cases[] = {
        {"primary", recovery, "f", true},
        {"primary", recovery, "t", false},
        {"standby", recovery, "t", true},
        {"read-write", read_only, "off", true},
        {"read-write", read_only, "on", false},
        {"read-only", read_only, "on", true},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(test.wanted + " " + test.answer);
        search("host=127.0.0.1 port=" + port() + " target_session_attrs=" + test.wanted);
        Peer& server = begin();
        server.send(welcome());
        tell(server, test.question, test.answer);
        EXPECT_EQ(finish().has_value(), test.good);
    }
}

TEST_F(HostSearchTest, TheNextHostMayBeTheOneThatIsWanted) {
    search_both("target_session_attrs=standby");
    begin().send(welcome({{"in_hot_standby", "off"}}));
    second_.begin().send(welcome({{"in_hot_standby", "on"}}));
    EXPECT_EQ(failure(), "connected");
    EXPECT_EQ(client().host().port, second_.port());
}

TEST_F(HostSearchTest, PreferringAStandbyTakesAPrimaryInTheEnd) {
    search("host=127.0.0.1 port=" + port() + " target_session_attrs=prefer-standby");
    Peer& first = begin();
    first.send(welcome({{"in_hot_standby", "off"}}));
    EXPECT_EQ(first.receive().tag, 'X');
    begin().send(welcome({{"in_hot_standby", "off"}}));
    EXPECT_EQ(failure(), "connected");
}

TEST_F(HostSearchTest, LoadBalancingLeavesNoHostOut) {
    search("host=127.0.0.1,127.0.0.1,127.0.0.1 port=1," + port() + ",2 load_balance_hosts=random");
    begin().send(welcome());
    EXPECT_EQ(failure(), "connected");
}

TEST_F(HostSearchTest, RefusesWhatCannotWork) {
    search("host=h hostaddr=nonsense");
    EXPECT_EQ(failure(), "could not parse network address \"nonsense\"");
    search("host=h sslmode=verify-full sslrootcert=/nonexistent/ca");
    EXPECT_EQ(failure(), "CA certificate /nonexistent/ca: No such file or directory");
    search("host=h sslmode=require sslcert=/nonexistent/c sslkey=/nonexistent/k");
    EXPECT_EQ(failure(), "certificate /nonexistent/c: No such file or directory");
}

TEST(MakeTlsContext, FollowsTheMode) {
    const test::TestCertificates certificates;
    const std::string ca = " sslrootcert=" + certificates.authority.certificate.string();
    struct Case {
        std::string text;
        net::TlsMode mode;
    };
    const Case cases[] = {
        {"sslmode=allow", net::TlsMode::allow},
        {"sslmode=prefer", net::TlsMode::prefer},
        {"sslmode=require", net::TlsMode::require},
        {"sslmode=require" + ca, net::TlsMode::verify_ca},
        {"sslmode=verify-ca" + ca, net::TlsMode::verify_ca},
        {"sslmode=verify-full" + ca, net::TlsMode::verify_full},
        {"sslrootcert=system", net::TlsMode::verify_full},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(test.text);
        const auto info = parse_conninfo("host=h user=u " + test.text);
        ASSERT_TRUE(info) << info.error().detail;
        const auto tls = make_tls_context(*info);
        ASSERT_TRUE(tls && *tls);
        EXPECT_EQ((*tls)->mode(), test.mode);
    }
    EXPECT_EQ(*make_tls_context(*parse_conninfo("host=h user=u sslmode=disable")), nullptr);
}

}  // namespace
}  // namespace sluice::pg
