#include "auth/api/messages.hpp"

#include "tests/unit/auth/sample_link.hpp"

#include <gtest/gtest.h>

namespace sluice::auth {
namespace {

constexpr const char* neon_success =
    R"({"session_id":"0123456789abcdef","result":{"Success":{"host":"10.0.0.7","port":5432,
    "dbname":"neondb","user":"web_access","password":"pw","aux":{"endpoint_id":"ep","project_id":"p",
    "branch_id":"b","compute_id":"c","cold_start_info":"warm"},"allowed_ips":["10.1.0.0/16"],
    "allowed_vpc_endpoint_ids":["v"],"public_access_allowed":true,"later":[1]}}})";

TEST(Messages, ReadWhatNeonsConsoleSends) {
    const auto parsed = parse_notification(neon_success);
    ASSERT_TRUE(parsed) << parsed.error().message();
    EXPECT_EQ(parsed->session_id, "0123456789abcdef");
    const auto& success = std::get<LinkSuccess>(parsed->result);
    EXPECT_EQ(success.host, "10.0.0.7");
    EXPECT_EQ(success.port, 5432);
    EXPECT_EQ(success.password->reveal(), "pw");
    EXPECT_EQ(success.aux.endpoint_id, "ep");
    EXPECT_EQ(success.allowed_ips->at(0), "10.1.0.0/16");
    EXPECT_TRUE(*success.public_access_allowed);
    EXPECT_EQ(success.tls, "");
}

TEST(Messages, NotificationSurvivesEncodingAndParsing) {
    LinkSuccess success;
    success.host = "db";
    success.port = 6432;
    success.dbname = "shop";
    success.user = "app";
    success.password = Secret("p\"w");
    success.tls = "verify-full";
    success.approver = "alice@example.com";
    success.target = "prod";
    const auto parsed = parse_notification(encode(Notification{"id345678", success}));
    ASSERT_TRUE(parsed) << parsed.error().message();
    const auto& again = std::get<LinkSuccess>(parsed->result);
    EXPECT_EQ(again.password->reveal(), "p\"w");
    EXPECT_EQ(again.tls, "verify-full");
    EXPECT_EQ(again.approver, "alice@example.com");
    EXPECT_EQ(again.target, "prod");
    EXPECT_FALSE(again.allowed_ips);
}

TEST(Messages, FailureSaysWhetherItIsADenial) {
    const auto denied = parse_notification(
        encode(Notification{"id345678", LinkFailure{"denied by alice@example.com"}}));
    ASSERT_TRUE(denied);
    EXPECT_TRUE(std::get<LinkFailure>(denied->result).denied());
    const auto other = parse_notification(R"({"session_id":"x","result":{"Failure":"broken"}})");
    EXPECT_FALSE(std::get<LinkFailure>(other->result).denied());
}

TEST(Messages, ParseErrorsNameTheMember) {
    struct Case {
        const char* json;
        const char* member;
    };
    const Case cases[] = {
        {R"({"result":{"Success":{}}})", "session_id"},
        {R"({"session_id":"x"})", "result"},
        {R"({"session_id":"x","result":[]})", "result"},
        {R"({"session_id":"x","result":{"Other":1}})", "Success or Failure"},
        {R"({"session_id":"x","result":{"Failure":1}})", "result.Failure"},
        {R"({"session_id":"x","result":{"Success":{"port":1,"dbname":"d","user":"u"}}})",
         "result.Success.host"},
        {R"({"session_id":"x","result":{"Success":{"host":"h","port":70000,"dbname":"d","user":"u"}}})",
         "result.Success.port"},
        {R"({"session_id":"x","result":{"Success":{"host":"h","port":1,"dbname":"d","user":"u",
            "allowed_ips":"all"}}})",
         "result.Success.allowed_ips"}};
    for (const Case& c : cases) {
        SCOPED_TRACE(c.json);
        const auto parsed = parse_notification(c.json);
        ASSERT_FALSE(parsed);
        EXPECT_EQ(parsed.error().kind, ErrorKind::client);
        EXPECT_NE(parsed.error().detail.find(c.member), std::string::npos) << parsed.error().detail;
    }
    EXPECT_FALSE(parse_notification("SELECT 1"));
}

TEST(Messages, RegistrationSurvivesEncodingAndParsing) {
    const auto parsed = parse_link_registration(encode(test::sample_registration()));
    ASSERT_TRUE(parsed) << parsed.error().message();
    EXPECT_EQ(parsed->phrase, "maple otter 47");
    EXPECT_EQ(parsed->ttl, std::chrono::seconds(120));
    EXPECT_EQ(parsed->requested.target, "prod");
    EXPECT_EQ(parsed->client.port, 53122);
    EXPECT_EQ(parsed->client.tls, "TLSv1.3");
}

TEST(Messages, ApiErrorOfAForeignBodyIsEmpty) {
    EXPECT_EQ(parse_api_error("<html>").code, "");
    EXPECT_EQ(parse_api_error(encode(ApiError{"id_exists", "m"})).code, "id_exists");
}

TEST(Messages, ConnectedCarriesTheBackendPid) {
    EXPECT_EQ(*parse_connected(encode_connected(4711)), 4711);
    EXPECT_FALSE(parse_connected(R"({"backend_pid":-1})"));
}

}  // namespace
}  // namespace sluice::auth
