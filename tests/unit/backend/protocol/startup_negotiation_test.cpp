#include "backend/protocol/startup_negotiation.hpp"

#include "backend/protocol/errc.hpp"
#include "tests/unit/backend/bytes.hpp"

#include <gtest/gtest.h>

namespace sluice::pg {
namespace {

using namespace std::string_view_literals;

using Action = StartupNegotiation::Action;
using Answer = StartupNegotiation::Answer;
using Done = StartupNegotiation::Done;
using Policy = StartupNegotiation::Policy;
using Read = StartupNegotiation::Read;
using Refuse = StartupNegotiation::Refuse;

const Bytes ssl_request = startup_packet(1234, 5679, "");
const Bytes gss_request = startup_packet(1234, 5680, "");
const Bytes cancel_request = startup_packet(1234, 5678, "pid!key!");
const Bytes startup = startup_packet(3, 0, "user\0app\0\0"sv);

const Refuse* refusal(const Action& action) { return std::get_if<Refuse>(&action); }

std::string refusal_text(const Action& action) {
    const Refuse* refused = refusal(action);
    if (refused == nullptr) return "not refused";
    if (!refused->fields) return "silent";
    return refused->fields->severity + " " + refused->fields->code + " " + refused->fields->message;
}

TEST(StartupNegotiation, AcceptsAPlainStartup) {
    StartupNegotiation negotiation(Policy{});
    EXPECT_TRUE(std::holds_alternative<Read>(negotiation.step({})));
    const Action action = negotiation.step(startup);
    const auto* done = std::get_if<Done>(&action);
    ASSERT_NE(done, nullptr);
    EXPECT_EQ(done->size, startup.size());
    EXPECT_EQ(std::get<StartupMessage>(done->request).user(), "app");
}

TEST(StartupNegotiation, AnswersNWithoutTlsAndGoesOn) {
    StartupNegotiation negotiation(Policy{});
    for (const Bytes* request : {&gss_request, &ssl_request}) {
        const Action action = negotiation.step(*request);
        const auto* answer = std::get_if<Answer>(&action);
        ASSERT_NE(answer, nullptr);
        EXPECT_EQ(answer->byte, 'N');
        EXPECT_FALSE(answer->start_tls);
    }
    EXPECT_TRUE(std::holds_alternative<Done>(negotiation.step(startup)));
}

TEST(StartupNegotiation, StartsTlsAfterAnsweringS) {
    StartupNegotiation negotiation(Policy{true, true});
    const Action action = negotiation.step(ssl_request);
    const auto* answer = std::get_if<Answer>(&action);
    ASSERT_NE(answer, nullptr);
    EXPECT_EQ(answer->byte, 'S');
    EXPECT_TRUE(answer->start_tls);
    negotiation.on_tls();
    EXPECT_TRUE(std::holds_alternative<Done>(negotiation.step(startup)));
}

TEST(StartupNegotiation, DropsWhoeverSendsBeforeTheAnswer) {
    for (const Bytes* request : {&ssl_request, &gss_request}) {
        for (const bool tls : {false, true}) {
            StartupNegotiation negotiation(Policy{tls, false});
            Bytes in = *request;
            append(in, startup);
            const Action action = negotiation.step(in);
            ASSERT_NE(refusal(action), nullptr);
            EXPECT_EQ(refusal_text(action), "silent");
            EXPECT_EQ(refusal(action)->error.code, Errc::data_before_tls);
            EXPECT_TRUE(is_violation(refusal(action)->error.code));
        }
    }
}

TEST(StartupNegotiation, AllowsEachEncryptionRequestOnce) {
    for (const Bytes* request : {&ssl_request, &gss_request}) {
        StartupNegotiation negotiation(Policy{});
        EXPECT_TRUE(std::holds_alternative<Answer>(negotiation.step(*request)));
        const Action action = negotiation.step(*request);
        ASSERT_NE(refusal(action), nullptr);
        EXPECT_EQ(refusal(action)->fields->code, "0A000");
    }
}

TEST(StartupNegotiation, RefusesEncryptionRequestsInsideTls) {
    for (const Bytes* request : {&ssl_request, &gss_request}) {
        StartupNegotiation negotiation(Policy{true, true});
        negotiation.on_tls();
        EXPECT_NE(refusal(negotiation.step(*request)), nullptr);
    }
}

TEST(StartupNegotiation, RecognisesDirectTls) {
    StartupNegotiation negotiation(Policy{true, true});
    EXPECT_TRUE(
        std::holds_alternative<StartupNegotiation::DirectTls>(negotiation.step(bytes_of("\x16"))));
}

TEST(StartupNegotiation, RefusesDirectTlsWithoutCertificateOrLate) {
    StartupNegotiation without(Policy{});
    EXPECT_EQ(refusal_text(without.step(bytes_of("\x16\3\1"))), "silent");

    StartupNegotiation late(Policy{true, true});
    EXPECT_TRUE(std::holds_alternative<Answer>(late.step(gss_request)));
    EXPECT_EQ(refusal_text(late.step(bytes_of("\x16\3\1\2"))),
              "FATAL 08P01 invalid length of startup packet");
}

TEST(StartupNegotiation, RequiresTlsForSessionsButNotForCancelRequests) {
    StartupNegotiation negotiation(Policy{true, true});
    EXPECT_EQ(refusal_text(negotiation.step(startup)), "FATAL 28000 must connect with TLS");
    StartupNegotiation other(Policy{true, true});
    const Action action = other.step(cancel_request);
    ASSERT_TRUE(std::holds_alternative<Done>(action));
    EXPECT_EQ(as_text(std::get<CancelRequest>(std::get<Done>(action).request).key), "key!");
}

TEST(StartupNegotiation, TellsWhatIsWrong) {
    struct Case {
        const char* name;
        Bytes in;
        const char* text;
        bool violation;
    };
    const Case cases[] = {
        {"length 0", bytes_of("\0\0\0\0"sv), "FATAL 08P01 invalid length of startup packet", true},
        {"length 5",
         bytes_of("\0\0\0\5\0\3\0\0"sv),
         "FATAL 08P01 invalid length of startup packet",
         true},
        {"HTTP",
         bytes_of("GET / HTTP/1.1\r\n"),
         "FATAL 08P01 invalid length of startup packet",
         true},
        {"version 4",
         startup_packet(4, 0, "\0"sv),
         "FATAL 0A000 unsupported frontend protocol 4.0: server supports 3.0 to 3.2",
         false},
        {"unknown request",
         startup_packet(1234, 1, ""),
         "FATAL 0A000 unsupported frontend protocol 1234.1: server supports 3.0 to 3.2",
         false},
        {"layout",
         startup_packet(3, 0, "user\0"sv),
         "FATAL 08P01 invalid startup packet layout: expected terminator as last byte",
         true},
        {"no user",
         startup_packet(3, 0, "database\0a\0\0"sv),
         "FATAL 28000 no PostgreSQL user name specified in startup packet",
         false},
        {"empty user",
         startup_packet(3, 0, "user\0\0\0"sv),
         "FATAL 28000 no PostgreSQL user name specified in startup packet",
         false},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(test.name);
        StartupNegotiation negotiation(Policy{});
        const Action action = negotiation.step(test.in);
        EXPECT_EQ(refusal_text(action), test.text);
        ASSERT_NE(refusal(action), nullptr);
        EXPECT_EQ(refusal(action)->error.kind, ErrorKind::client);
        EXPECT_EQ(is_violation(refusal(action)->error.code), test.violation);
    }
}

}  // namespace
}  // namespace sluice::pg
