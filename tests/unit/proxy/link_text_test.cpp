#include "proxy/authn/link_text.hpp"

#include "tests/unit/proxy/bytes.hpp"

#include <gtest/gtest.h>

#include <set>
#include <sstream>

namespace sluice::proxy {
namespace {

LinkConfig config(LinkConfig::Greeting greeting = LinkConfig::Greeting::standard) {
    LinkConfig link;
    link.url = "https://link.example.com/s/";
    link.greeting = greeting;
    return link;
}

auth::RequestedAccess requested(std::string role, std::string database, std::string target) {
    auth::RequestedAccess access;
    access.role = std::move(role);
    access.database = std::move(database);
    access.target = std::move(target);
    return access;
}

TEST(LinkNotice, SaysWhereToSignInAndWhatWasRequested) {
    const auto notice = link_notice(
        config(), "7qab", "maple otter 47", requested("alice", "app", "prod"), "198.51.100.7");
    EXPECT_EQ(notice.severity, "NOTICE");
    EXPECT_EQ(notice.code, "00000");
    EXPECT_EQ(notice.message,
              "Open this link to sign in (expires in 2m):\n    https://link.example.com/s/7qab\n");
    EXPECT_EQ(notice.detail, "Requested: role alice, database app, target prod, from 198.51.100.7");
    EXPECT_EQ(notice.hint,
              "The page must show this phrase: maple otter 47. If it does not, close it.");
}

TEST(LinkNotice, InNeonsWordsIsTheirTextAndNothingElse) {
    LinkConfig link = config(LinkConfig::Greeting::neon);
    link.url = "http://dummy-uri/";
    const auto notice = link_notice(
        link, "0123456789abcdef", "maple otter 47", requested("alice", "app", ""), "198.51.100.7");
    EXPECT_EQ(notice.message,
              "Welcome to Neon!\nAuthenticate by visiting (will expire in 2m):\n"
              "    http://dummy-uri/0123456789abcdef\n\n");
    EXPECT_EQ(notice.detail, "");
    EXPECT_EQ(notice.hint, "");
}

TEST(LinkNotice, NamesTheConfiguredTime) {
    LinkConfig link = config();
    link.timeout = std::chrono::seconds(90);
    const auto notice = link_notice(link, "x", "p", requested("a", "b", "c"), "::1");
    EXPECT_NE(notice.message.find("(expires in 1m 30s)"), std::string::npos);
}

TEST(LinkNotice, ShowsWhatTheClientLeftOpenAsDefault) {
    const auto notice = link_notice(config(), "x", "p", requested("", "", ""), "::1");
    EXPECT_EQ(notice.detail,
              "Requested: role (default), database (default), target (default), from ::1");
}

// Terminals obey escape sequences, and a line of the client's must not look like one of ours.
TEST(LinkNotice, MakesHostileNamesHarmless) {
    const auto notice = link_notice(
        config(),
        "x",
        "p",
        requested("a\x1B[2J\nHINT:  open http://evil", "b\u202Eevil", std::string(500, 'c')),
        "::1");
    EXPECT_EQ(notice.detail.find('\x1B'), std::string::npos);
    EXPECT_EQ(notice.detail.find('\n'), std::string::npos);
    EXPECT_EQ(notice.detail.find("\u202E"), std::string::npos);
    EXPECT_LT(notice.detail.size(), 400U);
}

TEST(ApprovalNotice, SaysWhoApprovedAndWhere) {
    auth::LinkSuccess success;
    success.user = "app_rw";
    success.dbname = "app";
    success.target = "prod";
    success.approver = "alice@example.com";
    EXPECT_EQ(approval_notice(success, "").message,
              "Approved by alice@example.com: role app_rw, database app, target prod.");
}

TEST(ApprovalNotice, DoesWithoutWhatNeonsConsoleDoesNotSay) {
    auth::LinkSuccess success;
    success.user = "web_access";
    success.dbname = "neondb";
    EXPECT_EQ(approval_notice(success, "").message,
              "Approved: role web_access, database neondb, target (default).");
    EXPECT_EQ(approval_notice(success, "ep-1").message,
              "Approved: role web_access, database neondb, target ep-1.");
}

TEST(ApprovalNotice, MakesHostileTextHarmless) {
    auth::LinkSuccess success;
    success.approver = "evil\r\n\x1B[1m";
    success.user = "u";
    success.dbname = "d";
    const std::string message = approval_notice(success, "t").message;
    for (const char bad : {'\r', '\n', '\x1B'}) EXPECT_EQ(message.find(bad), std::string::npos);
}

TEST(MakePhrase, DependsOnTheKeyAndTheSession) {
    const Bytes key(32, 1);
    const Bytes other_key(32, 2);
    EXPECT_EQ(make_phrase(key, "id"), make_phrase(key, "id"));
    EXPECT_NE(make_phrase(key, "id"), make_phrase(other_key, "id"));
    EXPECT_NE(make_phrase(key, "id"), make_phrase(key, "id2"));
}

TEST(RegistrationRefusal, SaysHowToNameATarget) {
    const auto several = registration_refusal({"target_required", "several targets exist"});
    EXPECT_EQ(several.severity, "FATAL");
    EXPECT_EQ(several.code, pg::sqlstate::invalid_authorization);
    EXPECT_EQ(several.message, "several targets exist");
    EXPECT_EQ(several.hint, "Connect with options=target=NAME, for example options=target=local.");

    EXPECT_EQ(registration_refusal({"target_unknown", "there is no target x"}).hint, "");
    EXPECT_EQ(registration_refusal({}).message, "the sign-in service refused this connection");
}

TEST(NoPasswordRefusal, NamesTheCommandThatSetsIt) {
    const auto refusal = no_password_refusal("local", "postgres");
    EXPECT_EQ(refusal.code, pg::sqlstate::unable_to_connect);
    EXPECT_EQ(refusal.message, "target \"local\" has no password for role \"postgres\"");
    EXPECT_EQ(refusal.hint,
              "An administrator can set it: sluicectl target set-role local postgres");
}

TEST(NoPasswordRefusal, CopiesNothingThatAShellWouldRun) {
    for (const char* role : {"a;b", "a b", "$x", "-x", "", "`x`", "a\nb"}) {
        SCOPED_TRACE(role);
        EXPECT_EQ(no_password_refusal("local", role).hint,
                  "An administrator can set it: sluicectl target set-role TARGET ROLE");
    }
}

TEST(MakePhrase, IsTwoWordsAndTwoDigitsOfAFullList) {
    const Bytes key(32, 7);
    std::set<std::string> words;
    std::set<std::string> numbers;
    for (int i = 0; i < 8000; ++i) {
        std::istringstream phrase(make_phrase(key, std::to_string(i)));
        std::string first, second, number, more;
        phrase >> first >> second >> number;
        EXPECT_FALSE(phrase >> more);
        for (const std::string& word : {first, second}) {
            EXPECT_GE(word.size(), 3U);
            EXPECT_EQ(word.find_first_not_of("abcdefghijklmnopqrstuvwxyz"), std::string::npos)
                << word;
            words.insert(word);
        }
        EXPECT_EQ(number.size(), 2U);
        numbers.insert(number);
    }
    EXPECT_EQ(words.size(), 256U);
    EXPECT_EQ(numbers.size(), 100U);
}

}  // namespace
}  // namespace sluice::proxy
