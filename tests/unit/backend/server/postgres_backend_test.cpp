#include "backend/protocol/frontend.hpp"
#include "backend/server/shutdown_watcher.hpp"
#include "tests/unit/backend/server/backend_fixture.hpp"

#include <gtest/gtest.h>

#include <sys/socket.h>

namespace sluice::pg {
namespace {

using namespace std::string_view_literals;

PostgresBackend::Options jwt() {
    PostgresBackend::Options options;
    options.authentication = PostgresBackend::Authentication::jwt;
    return options;
}

TEST(PostgresBackend, LetsAClientInWithTheMessagesOfALogin) {
    Fixture fixture;
    fixture.peer.send(startup_packet(3, 0, "user\0app\0\0"sv));
    const std::vector<Message> expected = {{'R', std::string(4, '\0')},
                                           {'S', std::string("client_encoding\0UTF8\0"sv)},
                                           {'S', std::string("integer_datetimes\0on\0"sv)},
                                           {'S',
                                            std::string("server_version\0"
                                                        "15.0\0"sv)},
                                           {'Z', "I"}};
    for (const Message& message : expected) EXPECT_EQ(fixture.peer.receive(), message);
}

TEST(PostgresBackend, AnswersQueriesAndEndsAtTerminate) {
    Fixture fixture;
    EXPECT_EQ(fixture.enter(), "RSSSZ");
    fixture.query("{\"a\": 1}");
    EXPECT_EQ(fixture.peer.receive_tags('Z'), "TDCZ");
    fixture.query(" ;\n");
    EXPECT_EQ(fixture.peer.receive_tags('Z'), "IZ");
    Bytes terminate;
    encode_terminate(terminate);
    fixture.peer.send(terminate);
    EXPECT_EQ(fixture.peer.receive().tag, 0);
    fixture.wait_for_end();
    EXPECT_EQ(fixture.handler.queries, std::vector<std::string>{"{\"a\": 1}"});
    EXPECT_EQ(count_of(fixture.log.text(), "ERROR"), 0U) << fixture.log.text();
}

TEST(PostgresBackend, NegotiatesTheProtocol) {
    Fixture fixture;
    fixture.peer.send(startup_packet(3, 9999, "user\0a\0_pq_.test_protocol_negotiation\0\0\0"sv));
    EXPECT_EQ(fixture.peer.receive_tags('Z'), "vRSSSZ");
    EXPECT_EQ(fixture.peer.body_of('v'), "\0\3\0\2\0\0\0\1_pq_.test_protocol_negotiation\0"sv);
}

TEST(PostgresBackend, TwoFailingCommandsGiveTwoErrorsAndALiveSession) {
    Fixture fixture;
    fixture.enter();
    for (const auto& [query, code] : {std::pair("bug", "XX000"), std::pair("typo", "42601")}) {
        fixture.query(query);
        EXPECT_EQ(fixture.peer.receive_tags('Z'), "EZ");
        EXPECT_EQ(fixture.error().code, code);
        EXPECT_EQ(fixture.error().severity, "ERROR");
    }
    fixture.query("select");
    EXPECT_EQ(fixture.peer.receive_tags('Z'), "TDCZ");
    // What the client asked for wrongly is no business of the operator's, what we did wrongly is.
    EXPECT_EQ(count_of(fixture.log.text(), "INFO query refused"), 1U) << fixture.log.text();
    EXPECT_EQ(count_of(fixture.log.text(), "ERROR"), 1U) << fixture.log.text();
    EXPECT_EQ(count_of(fixture.log.text(), "ERROR query handler failed"), 1U);
}

TEST(PostgresBackend, PipelinedMessagesAreAnsweredInOrder) {
    Fixture fixture;
    Bytes bytes = startup_packet(3, 0, "user\0app\0\0"sv);
    encode_query(bytes, "typo");
    encode_query(bytes, "select");
    append(bytes, "S\0\0\0\4H\0\0\0\4S\0\0\0\4"sv);
    encode_terminate(bytes);
    fixture.peer.send(bytes);
    EXPECT_EQ(fixture.peer.receive_tags('$'), "RSSSZEZTDCZZZ$");
}

TEST(PostgresBackend, AnswersTheExtendedProtocol) {
    Fixture fixture;
    fixture.enter();
    for (const auto& [query, tags] : {std::pair("select", "12TDCZ"), std::pair("set", "12nCZ")}) {
        Bytes bytes = extended(query);
        append(bytes, message('S'));
        fixture.peer.send(bytes);
        EXPECT_EQ(fixture.peer.receive_tags('Z'), tags);
    }
}

TEST(PostgresBackend, AnswersCommandsOfTheSessionItself) {
    Fixture fixture;
    fixture.enter();
    Bytes bytes = message('P', "s\0select\0\0\0"sv);
    append(bytes, message('S'));
    append(bytes, extended("DEALLOCATE s"));
    append(bytes, message('S'));
    encode_query(bytes, "DEALLOCATE s");
    encode_query(bytes, "DISCARD ALL");
    fixture.peer.send(bytes);
    EXPECT_EQ(fixture.peer.receive_tags('Z'), "1Z");
    EXPECT_EQ(fixture.peer.receive_tags('Z'), "12nCZ");
    EXPECT_EQ(fixture.peer.receive_tags('Z'), "EZ");
    EXPECT_EQ(fixture.error().code, "26000");
    EXPECT_EQ(fixture.peer.receive_tags('Z'), "CZ");
    EXPECT_EQ(fixture.peer.body_of('C'), "DISCARD ALL\0"sv);
    EXPECT_TRUE(fixture.handler.queries.empty());
}

TEST(PostgresBackend, FlushSendsTheAnswersBeforeSync) {
    Fixture fixture;
    fixture.enter();
    Bytes bytes = extended("select");
    append(bytes, message('H'));
    fixture.peer.send(bytes);
    EXPECT_EQ(fixture.peer.receive_tags('C'), "12TDC");
}

TEST(PostgresBackend, AfterAnErrorEverythingIsDiscardedUpToSync) {
    Fixture fixture;
    fixture.enter();
    Bytes bytes = extended("typo");
    append(bytes, extended("select"));
    encode_query(bytes, "select");
    append(bytes, message('S'));
    encode_query(bytes, "set");
    fixture.peer.send(bytes);
    EXPECT_EQ(fixture.peer.receive_tags('Z'), "12TEZ");
    EXPECT_EQ(fixture.error().code, "42601");
    EXPECT_EQ(fixture.peer.receive_tags('Z'), "CZ");
    EXPECT_EQ(fixture.handler.queries, (std::vector<std::string>{"typo", "set"}));
}

TEST(PostgresBackend, RefusesParametersAndGoesOn) {
    Fixture fixture;
    fixture.enter();
    Bytes bytes = message('P', "\0select $1\0\0\0"sv);
    append(bytes, message('B', "\0\0\0\0\0\1\0\0\0\1x\0\0"sv));
    append(bytes, message('S'));
    append(bytes, extended("select"));
    append(bytes, message('S'));
    fixture.peer.send(bytes);
    EXPECT_EQ(fixture.peer.receive_tags('Z'), "1EZ");
    EXPECT_EQ(fixture.error().code, "0A000");
    EXPECT_EQ(fixture.peer.receive_tags('Z'), "12TDCZ");
    EXPECT_EQ(count_of(fixture.log.text(), "ERROR"), 0U) << fixture.log.text();
}

TEST(PostgresBackend, RefusesFunctionCalls) {
    Fixture fixture;
    fixture.enter();
    fixture.peer.send(bytes_of("F\0\0\0\4"sv));
    EXPECT_EQ(fixture.peer.receive_tags('Z'), "EZ");
    EXPECT_EQ(fixture.error().message, "function calls are not supported");
}

TEST(PostgresBackend, OneWriteAnswersAnExtendedPipeline) {
    Fixture fixture({}, test::packet_pair);
    fixture.enter();
    Bytes bytes;
    for (int i = 0; i < 10; ++i) append(bytes, extended("select"));
    append(bytes, message('S'));
    fixture.peer.send(bytes);
    Bytes answers(4096);
    net::ByteStream::Attempt attempt{};
    EXPECT_TRUE(test::run_until(fixture.context, [&] {
        attempt = fixture.peer.stream().try_read(answers);
        return attempt.status == net::ByteStream::Attempt::Status::done;
    }));
    // All of them, up to the ReadyForQuery of Sync.
    answers.resize(attempt.count);
    const auto text = std::string(as_text(answers));
    EXPECT_EQ(count_of(text, "SELECT 1"), 10U);
    EXPECT_TRUE(text.ends_with("Z\0\0\0\5I"sv));
}

TEST(PostgresBackend, AnAnswerDoesNotWaitForTheNextQuery) {
    Bytes simple;
    encode_query(simple, "select");
    Bytes synced = extended("select");
    append(synced, message('S'));
    const Bytes call = message('F');
    for (const auto& [first, tags] :
         {std::pair(simple, "TDCZ"), std::pair(synced, "12TDCZ"), std::pair(call, "EZ")}) {
        SCOPED_TRACE(tags);
        Fixture fixture;
        fixture.enter();
        Bytes bytes = first;
        encode_query(bytes, "wait");
        fixture.peer.send(bytes);
        EXPECT_EQ(fixture.peer.receive_tags('Z'), tags);
        EXPECT_TRUE(test::run_until(fixture.context, [&] {
            return !fixture.handler.queries.empty() && fixture.handler.queries.back() == "wait";
        }));
    }
}

TEST(PostgresBackend, LargeAnswersAreSentOnTheWay) {
    Fixture fixture;
    fixture.enter();
    fixture.query("large");
    const std::string tags = fixture.peer.receive_tags('Z');
    EXPECT_EQ(tags.size(), 1000U + 4U);
    EXPECT_LT(fixture.handler.capacity_max, 256U << 10U);
}

TEST(PostgresBackend, TellsItsKeyAndParameters) {
    PostgresBackend::Options options;
    options.parameters = {{"DateStyle", "ISO"}};
    options.key = BackendKey{7, bytes_of("four")};
    Fixture fixture(std::move(options));
    EXPECT_EQ(fixture.enter(), "RSSKZ");
    EXPECT_EQ(fixture.peer.body_of('K'), "\0\0\0\7four"sv);
}

TEST(PostgresBackend, TheKeyHasTheLengthOfTheProtocolVersion) {
    const std::string whole(32, 'k');
    struct Case {
        std::uint16_t minor;
        std::size_t bytes;
    };
    for (const Case& test : {Case{0, 4}, Case{1, 4}, Case{2, 32}, Case{9999, 32}}) {
        SCOPED_TRACE(test.minor);
        PostgresBackend::Options options;
        options.key = BackendKey{7, bytes_of(whole)};
        Fixture fixture(std::move(options));
        fixture.peer.send(startup_packet(3, test.minor, "user\0app\0\0"sv));
        EXPECT_EQ(fixture.peer.receive_tags('Z').back(), 'Z');
        EXPECT_EQ(fixture.peer.body_of('K'),
                  std::string("\0\0\0\7"sv) + whole.substr(0, test.bytes));
    }
}

TEST(PostgresBackend, TheRestOfAFailedCopyHasTheLimitOfACopy) {
    PostgresBackend::Options options;
    options.limits.message_bytes_max = 50;
    options.limits.copy_bytes_max = 200;
    Fixture fixture(options);
    fixture.enter();
    fixture.peer.send(message('d', std::string(200, 'x')));
    fixture.query("select");
    EXPECT_EQ(fixture.peer.receive_tags('Z'), "TDCZ");
    fixture.peer.send(message('Q', std::string(50, ' ') + '\0'));
    EXPECT_EQ(fixture.peer.receive_tags('Z'), "E$");
    EXPECT_EQ(fixture.error().message, "invalid message length");

    Fixture other(options);
    other.enter();
    other.peer.send(message('d', std::string(201, 'x')));
    EXPECT_EQ(other.peer.receive_tags('Z'), "E$");
}

TEST(PostgresBackend, IgnoresTheRestOfAFailedCopy) {
    Fixture fixture;
    fixture.enter();
    fixture.peer.send(bytes_of("d\0\0\0\5xc\0\0\0\4f\0\0\0\5\0"sv));
    fixture.query("select");
    EXPECT_EQ(fixture.peer.receive_tags('Z'), "TDCZ");
}

TEST(PostgresBackend, AProtocolViolationIsOneErrorLineAndTheEnd) {
    struct Case {
        const char* name;
        std::string_view bytes;
        std::string_view text;
    };
    const Case cases[] = {
        {"unknown tag", "\x01\0\0\0\4"sv, "invalid frontend message type 1"},
        {"password out of place", "p\0\0\0\5\0"sv, "invalid frontend message type 112"},
        {"length 3", "Q\0\0\0\3"sv, "invalid message length"},
        {"four gigabytes", "Q\xff\xff\xff\xff"sv, "invalid message length"},
        {"query without terminator", "Q\0\0\0\5a"sv, "invalid message format"},
        {"query with a NUL inside", "Q\0\0\0\7a\0\0"sv, "invalid message format"},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(test.name);
        Fixture fixture;
        fixture.enter();
        fixture.peer.send(bytes_of(test.bytes));
        EXPECT_EQ(fixture.peer.receive_tags('Z'), "E$");
        EXPECT_EQ(fixture.error().severity, "FATAL");
        EXPECT_EQ(fixture.error().code, "08P01");
        EXPECT_EQ(fixture.error().message, test.text);
        fixture.peer.send_end();
        fixture.wait_for_end();
        EXPECT_EQ(count_of(fixture.log.text(), "ERROR"), 1U) << fixture.log.text();
    }
}

TEST(PostgresBackend, ABadStartupPacketIsOneErrorLine) {
    Fixture fixture;
    fixture.peer.send(bytes_of("GET / HTTP/1.1\r\n\r\n"));
    fixture.peer.send_end();
    EXPECT_EQ(fixture.peer.receive_tags('Z'), "E$");
    fixture.wait_for_end();
    EXPECT_EQ(count_of(fixture.log.text(), "ERROR"), 1U) << fixture.log.text();
}

TEST(PostgresBackend, APeerThatGoesAwayIsNoError) {
    struct Case {
        const char* name;
        bool entered;
        bool reset;
    };
    for (const Case& test : {Case{"probe", false, false},
                             Case{"reset probe", false, true},
                             Case{"idle", true, false},
                             Case{"reset while idle", true, true}}) {
        SCOPED_TRACE(test.name);
        Fixture fixture;
        if (test.entered) fixture.enter();
        const ::linger at_once = {1, 0};
        auto& stream = static_cast<net::SocketStream&>(fixture.peer.stream());
        if (test.reset) {
            ::setsockopt(stream.native_handle(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        }
        stream.close();
        fixture.wait_for_end();
        EXPECT_EQ(count_of(fixture.log.text(), "ERROR"), 0U) << fixture.log.text();
        EXPECT_EQ(count_of(fixture.log.text(), "INFO connection"), test.entered ? 1U : 0U);
    }
}

TEST(PostgresBackend, TheHandlerMayRefuseTheStartup) {
    Fixture fixture;
    fixture.peer.send(startup_packet(3, 0, "user\0refused\0\0"sv));
    EXPECT_EQ(fixture.peer.receive_tags('Z'), "E$");
    EXPECT_EQ(fixture.error().severity, "FATAL");
    EXPECT_EQ(fixture.error().message, "not you");
}

TEST(PostgresBackend, ChecksTheTokenThatComesAsPassword) {
    Fixture fixture(jwt());
    fixture.peer.send(startup_packet(3, 0, "user\0app\0\0"sv));
    EXPECT_EQ(fixture.peer.receive(), (Message{'R', std::string("\0\0\0\3"sv)}));
    Bytes password;
    EXPECT_TRUE(encode_password(password, "good"));
    fixture.peer.send(password);
    EXPECT_EQ(fixture.peer.receive_tags('Z'), "RSSSZ");
}

TEST(PostgresBackend, ABadTokenIsToldAndEndsTheConnection) {
    Fixture fixture(jwt());
    fixture.peer.send(startup_packet(3, 0, "user\0app\0\0"sv));
    EXPECT_EQ(fixture.peer.receive().tag, 'R');
    Bytes bytes;
    EXPECT_TRUE(encode_password(bytes, "bad"));
    encode_query(bytes, "select");
    fixture.peer.send(bytes);
    EXPECT_EQ(fixture.peer.receive_tags('Z'), "E$");
    EXPECT_EQ(fixture.error().code, "28000");
    EXPECT_EQ(fixture.error().message, "password authentication failed");
    fixture.peer.send_end();
    fixture.wait_for_end();
    EXPECT_TRUE(fixture.handler.queries.empty());
    EXPECT_EQ(count_of(fixture.log.text(), "login refused"), 1U);
}

TEST(PostgresBackend, NothingButAPasswordMayFollowThePasswordRequest) {
    Fixture fixture(jwt());
    Bytes bytes = startup_packet(3, 0, "user\0app\0\0"sv);
    encode_query(bytes, "select");
    fixture.peer.send(bytes);
    EXPECT_EQ(fixture.peer.receive_tags('Z'), "RE$");
    EXPECT_EQ(fixture.error().code, "08P01");
    EXPECT_TRUE(fixture.handler.queries.empty());
}

TEST(PostgresBackend, LoginHasADeadline) {
    PostgresBackend::Options options = jwt();
    options.login_timeout = std::chrono::milliseconds(30);
    Fixture fixture(std::move(options));
    fixture.peer.send(startup_packet(3, 0, "user\0app\0\0"sv));
    EXPECT_EQ(fixture.peer.receive_tags('Z'), "RE$");
    EXPECT_EQ(fixture.error().message, "canceling authentication due to timeout");
}

TEST(PostgresBackend, AnIdleSessionEndsWhenAskedFor) {
    PostgresBackend::Options options;
    options.idle_timeout = std::chrono::milliseconds(30);
    Fixture fixture(std::move(options));
    fixture.enter();
    EXPECT_EQ(fixture.peer.receive_tags('Z'), "E$");
    EXPECT_EQ(fixture.error().code, "57P05");
}

TEST(PostgresBackend, APeerThatTakesNothingIsGivenUp) {
    PostgresBackend::Options options;
    options.send_timeout = std::chrono::milliseconds(30);
    Fixture fixture(std::move(options), test::narrow_pair);
    fixture.enter();
    fixture.query("large");
    fixture.wait_for_end();
    EXPECT_NE(fixture.log.text().find("INFO connection lost"), std::string::npos);
    EXPECT_GE(fixture.backend.counters().timeouts, 1U);
    EXPECT_GT(fixture.backend.counters().sent, fixture.backend.counters().received);
}

TEST(PostgresBackend, APeerThatSendsNothingIsGivenUpWhenAskedFor) {
    PostgresBackend::Options options;
    options.receive_timeout = std::chrono::milliseconds(30);
    Fixture fixture(std::move(options));
    fixture.enter();
    EXPECT_EQ(fixture.peer.receive_tags('Z'), "E$");
    EXPECT_EQ(fixture.error().code, "57P05");
}

TEST(PostgresBackend, AnIdleTimeoutDoesNotEndALongQuery) {
    PostgresBackend::Options options;
    options.idle_timeout = std::chrono::milliseconds(30);
    Fixture fixture(std::move(options));
    fixture.enter();
    fixture.query("pause");
    EXPECT_EQ(fixture.peer.receive_tags('Z'), "TDCZ");
}

TEST(PostgresBackend, CancellingEndsTheSessionWithAnAdminShutdown) {
    for (const bool busy : {false, true}) {
        SCOPED_TRACE(busy);
        Fixture fixture;
        fixture.enter();
        if (busy) {
            fixture.query("wait");
            EXPECT_TRUE(
                test::run_until(fixture.context, [&] { return !fixture.handler.queries.empty(); }));
        }
        fixture.tasks.cancel();
        EXPECT_EQ(fixture.peer.receive_tags('E').back(), 'E');
        EXPECT_EQ(fixture.error().code, "57P01");
        EXPECT_EQ(fixture.error().severity, "FATAL");
        fixture.peer.send_end();
        fixture.wait_for_end();
        EXPECT_EQ(count_of(fixture.log.text(), "ERROR"), 0U) << fixture.log.text();
    }
}

TEST(PostgresBackend, StopEndsAnIdleSessionAtOnce) {
    Fixture fixture;
    fixture.enter();
    fixture.backend.stop();
    EXPECT_EQ(fixture.peer.receive_tags('Z'), "E$");
    EXPECT_EQ(fixture.error().code, "57P01");
    EXPECT_EQ(fixture.error().severity, "FATAL");
    fixture.peer.send_end();
    fixture.wait_for_end();
    EXPECT_NE(fixture.log.text().find("INFO session ended by shutdown"), std::string::npos);
}

TEST(PostgresBackend, StopEndsALoginAtOnce) {
    Fixture fixture(jwt());
    fixture.peer.send(startup_packet(3, 0, "user\0app\0\0"sv));
    EXPECT_EQ(fixture.peer.receive().tag, 'R');
    fixture.backend.stop();
    EXPECT_EQ(fixture.peer.receive_tags('Z'), "E$");
    EXPECT_EQ(fixture.error().code, "57P01");
}

TEST(PostgresBackend, StopLetsARunningQueryFinish) {
    Fixture fixture;
    fixture.enter();
    fixture.query("stop");
    EXPECT_EQ(fixture.peer.receive_tags('E'), "TDCZE");
    EXPECT_EQ(fixture.error().code, "57P01");
}

TEST(ShutdownWatcher, StopsItsSessionsAndThoseThatComeLate) {
    Fixture member;
    Fixture former;
    Fixture late;
    for (Fixture* fixture : {&member, &former, &late}) fixture->enter();
    ShutdownWatcher watcher;
    const auto first = watcher.add(member.backend);
    // What serves a session may end by an exception.
    const auto serve = [&] {
        const auto second = watcher.add(former.backend);
        throw std::runtime_error("of run()");
    };
    EXPECT_THROW(serve(), std::runtime_error);
    EXPECT_FALSE(watcher.stopping());
    watcher.stop_all();
    EXPECT_TRUE(watcher.stopping());
    EXPECT_EQ(member.peer.receive_tags('Z'), "E$");
    const auto third = watcher.add(late.backend);
    EXPECT_EQ(late.peer.receive_tags('Z'), "E$");
    former.query("select");
    EXPECT_EQ(former.peer.receive_tags('Z'), "TDCZ");
}

TEST(PostgresBackend, StatesFollowEachOther) {
    using State = PostgresBackend::State;
    Fixture fixture;
    EXPECT_EQ(fixture.backend.state(), State::initialization);
    fixture.enter();
    EXPECT_EQ(fixture.handler.state_at_startup, State::authentication);
    fixture.query("select");
    EXPECT_EQ(fixture.peer.receive_tags('Z'), "TDCZ");
    EXPECT_EQ(fixture.handler.states, std::vector<State>{State::established});
    fixture.peer.stream().close();
    fixture.wait_for_end();
    EXPECT_EQ(fixture.backend.state(), State::closed);
}

TEST(PostgresBackend, ChecksPasswords) {
    struct Case {
        const char* name;
        const char* user;
        const char* password;
        const char* tags;
    };
    for (const Case& test : {Case{"right", "app", "secret", "RSSSZ"},
                             Case{"wrong", "app", "guess", "E$"},
                             Case{"no such role", "nobody", "secret", "E$"}}) {
        SCOPED_TRACE(test.name);
        PostgresBackend::Options options;
        options.authentication = PostgresBackend::Authentication::password;
        Fixture fixture(std::move(options));
        fixture.peer.send(
            startup_packet(3, 0, std::string("user\0"sv) + test.user + std::string("\0\0"sv)));
        EXPECT_EQ(fixture.peer.receive(), (Message{'R', std::string("\0\0\0\3"sv)}));
        Bytes password;
        EXPECT_TRUE(encode_password(password, test.password));
        fixture.peer.send(password);
        EXPECT_EQ(fixture.peer.receive_tags('Z'), test.tags);
        if (test.tags == std::string("RSSSZ")) continue;
        EXPECT_EQ(fixture.error().code, "28P01");
        EXPECT_EQ(fixture.error().message,
                  "password authentication failed for user \"" + std::string(test.user) + "\"");
        fixture.peer.send_end();
        fixture.wait_for_end();
        EXPECT_EQ(count_of(fixture.log.text(), "INFO login refused"), 1U) << fixture.log.text();
    }
}

TEST(PostgresBackend, IgnoresCancelRequests) {
    Fixture fixture;
    fixture.peer.send(startup_packet(1234, 5678, "pid!key!"));
    EXPECT_EQ(fixture.peer.receive().tag, 0);
    fixture.wait_for_end();
}

}  // namespace
}  // namespace sluice::pg
