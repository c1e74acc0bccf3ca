#include "backend/client/postgres_client.hpp"

#include "backend/protocol/frontend.hpp"
#include "backend/protocol/message_writer.hpp"
#include "backend/server/postgres_backend.hpp"
#include "tests/support/certificates.hpp"
#include "tests/unit/backend/client/client_fixture.hpp"

#include <gtest/gtest.h>

#include <array>

namespace sluice::pg {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;
using net::TlsMode;

TEST_F(ClientTest, KeepsWhatTheServerSaidAtTheLogin) {
    ConnectOptions chosen = options();
    chosen.parameters = {{"application_name", "test"}};
    chosen.protocol_minor = 2;
    start(std::move(chosen));
    Peer& server = begin();
    EXPECT_EQ(startup_.version, (ProtocolVersion{3, 2}));
    EXPECT_EQ(startup_.user(), "app");
    EXPECT_EQ(startup_.database(), "shop");
    EXPECT_EQ(startup_.find("application_name"), "test");

    Bytes kept;
    encode_parameter_status(kept, "server_version", "15.1");
    encode_notice_response(kept, ErrorFields::notice("hello"));
    encode_parameter_status(kept, "TimeZone", "UTC");
    Negotiation negotiation;
    negotiation.minor = 2;
    Bytes bytes;
    encode_negotiate_protocol_version(bytes, negotiation);
    encode_authentication_ok(bytes);
    append(bytes, ByteView(kept));
    EXPECT_TRUE(encode_backend_key_data(bytes, 42, Bytes(32, 7)));
    encode_ready_for_query(bytes, 'I');
    server.send(bytes);

    auto& connected = finish();
    ASSERT_TRUE(connected) << connected.error().error.detail;
    const PostgresClient& client = **connected;
    EXPECT_EQ(client.login_messages(), kept);
    ASSERT_EQ(client.parameters().size(), 2U);
    EXPECT_EQ(client.parameters()[1], std::pair("TimeZone"s, "UTC"s));
    EXPECT_EQ(client.key().pid, 42U);
    EXPECT_EQ(client.key().key, Bytes(32, 7));
    EXPECT_EQ(client.transaction_status(), 'I');
}

TEST_F(ClientTest, GivesAwayTheStreamWithWhatFollowedTheLogin) {
    start(options());
    Bytes bytes;
    encode_authentication_ok(bytes);
    encode_ready_for_query(bytes, 'I');
    append(bytes, "more"sv);
    begin().send(bytes);
    ASSERT_TRUE(finish());
    auto parts = std::move(**finish()).release();
    EXPECT_EQ(as_text(parts.received), "more");
}

TEST_F(ClientTest, AnErrorOfTheServerComesBackByteForByte) {
    ErrorFields fields = ErrorFields::fatal("28P01", "no way");
    fields.hint = "another";
    Bytes bytes;
    encode_error_response(bytes, fields);
    start(options());
    begin().send(bytes);
    auto& outcome = finish();
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().response, bytes);
    ASSERT_TRUE(outcome.error().server);
    EXPECT_EQ(outcome.error().server->code, "28P01");
    EXPECT_EQ(outcome.error().server->hint, "another");
    EXPECT_EQ(outcome.error().error.kind, ErrorKind::compute);
}

TEST_F(ClientTest, SendsPasswordsAsAskedFor) {
    start(options());
    Peer& server = begin();
    Bytes request;
    encode_authentication_md5(request, bytes_of("salt"));
    server.send(request);
    const Message password = server.receive();
    EXPECT_EQ(password.tag, 'p');
    EXPECT_TRUE(password.body.starts_with("md5")) << password.body;
    EXPECT_EQ(password.body.size(), 3 + 32 + 1U);

    request.clear();
    encode_authentication_cleartext(request);
    server.send(request);
    EXPECT_EQ(server.receive(), (Message{'p', std::string("pw\0"sv)}));
}

TEST_F(ClientTest, RefusesServersThatMisbehave) {
    const auto bytes_with = [](auto encode) {
        Bytes bytes;
        encode(bytes);
        return bytes;
    };
    struct Case {
        const char* name;
        Bytes sent;
        std::string_view failure;
    };
    const Case cases[] = {
        {"ready first", bytes_of("Z\0\0\0\5I"sv), "ready before authentication"},
        {"notice first",
         bytes_with([](Bytes& out) { encode_notice_response(out, ErrorFields::notice("x")); }),
         "a parameter or notice before authentication"},
        {"Kerberos",
         bytes_of("R\0\0\0\x08\0\0\0\x07"sv),
         "the server asks for authentication method 7, which is not supported"},
        {"authentication without code",
         bytes_of("R\0\0\0\x04"sv),
         "malformed authentication request"},
        {"short MD5 salt", bytes_of("R\0\0\0\x0a\0\0\0\5ab"sv), "malformed MD5 salt"},
        {"no known mechanism",
         bytes_of("R\0\0\0\x0f\0\0\0\x0aOTHER\0\0"sv),
         "the server offers no SASL mechanism that is supported"},
        {"SASL data out of the blue",
         bytes_of("R\0\0\0\x0a\0\0\0\x0b"
                  "ab"sv),
         "SASL data before SASL began"},
        {"SASL end out of the blue",
         bytes_of("R\0\0\0\x0a\0\0\0\x0c"
                  "ab"sv),
         "SASL data before SASL began"},
        {"a second authentication",
         bytes_of("R\0\0\0\x08\0\0\0\0R\0\0\0\x08\0\0\0\3"sv),
         "an authentication request after authentication"},
        {"a row", bytes_of("D\0\0\0\4"sv), "unexpected message of type 68 at login"},
        {"a large message", bytes_of("R\0\1\0\5"sv), "login: message length 65541"},
        {"a long cancel key",
         bytes_with([](Bytes& out) { MessageWriter(out, 'K').bytes(Bytes(4 + 257)); }),
         "malformed BackendKeyData"},
        {"malformed error", bytes_of("E\0\0\0\6Mx"sv), "malformed error or notice fields"},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(test.name);
        connected_.reset();
        start(options());
        begin().send(test.sent);
        EXPECT_EQ(failure(), test.failure);
    }
}

TEST_F(ClientTest, BoundsTheMessagesOfALogin) {
    start(options());
    Bytes bytes;
    encode_authentication_ok(bytes);
    const std::string value(60'000, 'x');
    for (int i = 0; i < 20; ++i) EXPECT_TRUE(encode_parameter_status(bytes, "name", value));
    tasks_.spawn([](Peer& server, Bytes sent) -> net::Awaitable<void> {
        auto written = co_await server.stream().write_all(sent);
        static_cast<void>(written);
    }(begin(), std::move(bytes)));
    EXPECT_EQ(failure(), "too many messages at login");
}

TEST_F(ClientTest, NoticesThatTheServerGoesAway) {
    start(options());
    begin();
    peer_.reset();
    EXPECT_EQ(failure(), "the server closed the connection");
    EXPECT_TRUE(is_disconnect(finish().error().error.code));
}

TEST_F(ClientTest, GivesUpAtItsDeadline) {
    ConnectOptions chosen = options();
    chosen.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(50);
    start(std::move(chosen));
    begin();
    auto& outcome = finish();
    ASSERT_FALSE(outcome);
    EXPECT_TRUE(is_timeout(outcome.error().error.code));
}

TEST_F(ClientTest, NeedsAPasswordWhenTheServerWantsOne) {
    ConnectOptions chosen = options();
    chosen.password = Secret();
    start(std::move(chosen));
    Bytes request;
    encode_authentication_cleartext(request);
    begin().send(request);
    EXPECT_EQ(failure(), "the server asks for a password and none is known");
}

TEST_F(ClientTest, RefusesNulCharacters) {
    ConnectOptions chosen = options();
    chosen.user = std::string("a\0b"sv);
    start(std::move(chosen));
    EXPECT_EQ(failure(), "a startup parameter is missing or holds a NUL character");
}

TEST_F(ClientTest, ScramMustBeFinishedByTheServer) {
    start(options());
    Peer& server = begin();
    const std::array<std::string_view, 1> mechanisms = {"SCRAM-SHA-256"};
    Bytes bytes;
    EXPECT_TRUE(encode_authentication_sasl(bytes, mechanisms));
    server.send(bytes);
    const Message first = server.receive();
    ASSERT_EQ(first.tag, 'p');
    EXPECT_TRUE(first.body.starts_with("SCRAM-SHA-256\0"sv));
    EXPECT_NE(first.body.find("n,,n=,r="), std::string::npos);
    bytes.clear();
    encode_authentication_ok(bytes);
    server.send(bytes);
    EXPECT_EQ(failure(), "the server ended SCRAM without proving that it knows the password");
}

TEST_F(ClientTest, RefusesToComputeMillionsOfIterations) {
    start(options());
    Peer& server = begin();
    const std::array<std::string_view, 1> mechanisms = {"SCRAM-SHA-256"};
    Bytes bytes;
    EXPECT_TRUE(encode_authentication_sasl(bytes, mechanisms));
    server.send(bytes);
    const std::string first = server.receive().body;
    const std::string nonce = first.substr(first.find("r=") + 2);
    const std::string challenge = "r=" + nonce + "x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4294967295";
    bytes.clear();
    encode_authentication_sasl_continue(bytes, as_bytes(challenge));
    server.send(bytes);
    EXPECT_EQ(failure(), "SCRAM: the server asks for 4294967295 iterations");
}

TEST_F(ClientTest, TakesTheRowsOfTheLastStatement) {
    login();
    start_query("select 1; insert; select 2");
    const std::vector<Column> columns = {{"a"}, {"b"}};
    const std::vector<std::optional<std::string>> first = {"1", "x"};
    const std::vector<std::optional<std::string>> second = {"2", std::nullopt};
    Bytes bytes;
    EXPECT_TRUE(encode_row_description(bytes, columns));
    EXPECT_TRUE(encode_data_row(bytes, first));
    encode_command_complete(bytes, "SELECT 1");
    encode_notice_response(bytes, ErrorFields::notice("by the way"));
    encode_command_complete(bytes, "INSERT 0 1");
    EXPECT_TRUE(encode_row_description(bytes, columns));
    EXPECT_TRUE(encode_data_row(bytes, second));
    EXPECT_TRUE(encode_data_row(bytes, second));
    encode_command_complete(bytes, "SELECT 2");
    encode_ready_for_query(bytes, 'T');
    peer_->send(bytes);
    auto& result = answer();
    ASSERT_TRUE(result);
    EXPECT_EQ(result->columns, (std::vector<std::string>{"a", "b"}));
    ASSERT_EQ(result->rows.size(), 2U);
    EXPECT_EQ(result->rows[0], second);
    EXPECT_EQ(result->command_tag, "SELECT 2");
    EXPECT_EQ((**connected_)->transaction_status(), 'T');
}

TEST_F(ClientTest, AStatementWithoutRowsHasOnlyItsTag) {
    login();
    start_query("select; insert");
    const std::vector<Column> columns = {{"a"}};
    const std::vector<std::optional<std::string>> row = {"1"};
    Bytes bytes;
    EXPECT_TRUE(encode_row_description(bytes, columns));
    EXPECT_TRUE(encode_data_row(bytes, row));
    encode_command_complete(bytes, "SELECT 1");
    encode_command_complete(bytes, "INSERT 0 1");
    encode_ready_for_query(bytes, 'I');
    peer_->send(bytes);
    ASSERT_TRUE(answer());
    EXPECT_TRUE(answer()->rows.empty());
    EXPECT_TRUE(answer()->columns.empty());
    EXPECT_EQ(answer()->command_tag, "INSERT 0 1");
}

TEST_F(ClientTest, AFailedQueryLeavesTheSessionAlive) {
    login();
    start_query("bad");
    Bytes bytes;
    encode_error_response(bytes, ErrorFields::error("42601", "syntax error"));
    encode_ready_for_query(bytes, 'I');
    peer_->send(bytes);
    ASSERT_FALSE(answer());
    EXPECT_EQ(answer().error().server->code, "42601");

    answered_.reset();
    start_query("good");
    bytes.clear();
    encode_command_complete(bytes, "OK");
    encode_ready_for_query(bytes, 'I');
    peer_->send(bytes);
    ASSERT_TRUE(answer());
    EXPECT_EQ(answer()->command_tag, "OK");
}

TEST_F(ClientTest, TheLastWordsOfTheServerAreTheReason) {
    login();
    start_query("select");
    Bytes bytes;
    encode_error_response(bytes, ErrorFields::fatal("57P01", "shutting down"));
    peer_->send(bytes);
    peer_.reset();
    ASSERT_FALSE(answer());
    ASSERT_TRUE(answer().error().server);
    EXPECT_EQ(answer().error().server->code, "57P01");
}

TEST_F(ClientTest, BoundsTheRowsOfAnAnswer) {
    login();
    start_query("select", 1000);
    const std::vector<Column> columns = {{"a"}};
    const std::vector<std::optional<std::string>> row = {std::string(400, 'x')};
    Bytes bytes;
    EXPECT_TRUE(encode_row_description(bytes, columns));
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(encode_data_row(bytes, row));
    encode_command_complete(bytes, "SELECT 5");
    encode_ready_for_query(bytes, 'I');
    peer_->send(bytes);
    ASSERT_FALSE(answer());
    EXPECT_EQ(answer().error().error.kind, ErrorKind::limit);
    EXPECT_EQ((**connected_)->transaction_status(), 'I');
}

TEST_F(ClientTest, SendsTheWholeStatementAtOnce) {
    login();
    start_statement("select $1, $2", {"one", std::nullopt});
    // Nothing is answered before everything is there.
    EXPECT_EQ(peer_->receive_tags('S'), "PBDES");
    EXPECT_EQ(peer_->body_of('P'), "\0select $1, $2\0\0\0"sv);
    const std::string bound = peer_->body_of('B');
    const auto bind = parse_bind(as_bytes(bound));
    ASSERT_TRUE(bind);
    std::vector<std::optional<std::string>> values;
    for (const auto& value : bind->values) {
        values.push_back(value ? std::optional<std::string>(as_text(*value)) : std::nullopt);
    }
    EXPECT_EQ(values, (std::vector<std::optional<std::string>>{"one", std::nullopt}));

    const std::vector<Column> columns = {{"a"}, {"b"}};
    Bytes bytes;
    encode_parse_complete(bytes);
    encode_bind_complete(bytes);
    EXPECT_TRUE(encode_row_description(bytes, columns));
    EXPECT_TRUE(encode_data_row(bytes, values));
    encode_command_complete(bytes, "SELECT 1");
    encode_ready_for_query(bytes, 'I');
    peer_->send(bytes);
    ASSERT_TRUE(answer());
    EXPECT_EQ(answer()->columns, (std::vector<std::string>{"a", "b"}));
    ASSERT_EQ(answer()->rows.size(), 1U);
    EXPECT_EQ(answer()->rows[0], values);
}

TEST_F(ClientTest, TakesAStatementWithoutRows) {
    login();
    start_statement("insert", {});
    peer_->receive_tags('S');
    Bytes bytes;
    encode_parse_complete(bytes);
    encode_bind_complete(bytes);
    encode_no_data(bytes);
    encode_command_complete(bytes, "INSERT 0 1");
    encode_ready_for_query(bytes, 'T');
    peer_->send(bytes);
    ASSERT_TRUE(answer());
    EXPECT_EQ(answer()->command_tag, "INSERT 0 1");
    EXPECT_EQ(client().transaction_status(), 'T');
}

TEST_F(ClientTest, AFailedStatementLeavesTheSessionUsable) {
    login();
    start_statement("select $1::int", {"x"});
    peer_->receive_tags('S');
    Bytes bytes;
    encode_parse_complete(bytes);
    encode_error_response(bytes, ErrorFields::error("22P02", "invalid input syntax"));
    encode_ready_for_query(bytes, 'I');
    peer_->send(bytes);
    ASSERT_FALSE(answer());
    EXPECT_EQ(answer().error().server->code, "22P02");
    EXPECT_TRUE(client().usable());
}

TEST_F(ClientTest, WhatDoesNotFitIsNotSent) {
    login();
    for (const std::string& sql : {"select \0"s, "select"s}) {
        start_statement(sql, std::vector<std::optional<std::string>>(sql == "select" ? 65'536 : 0));
        ASSERT_FALSE(answer());
        EXPECT_EQ(answer().error().error.detail,
                  "a query that holds a NUL character or too many parameters");
    }
    EXPECT_TRUE(client().usable());
    start_statement("select 1", {});
    EXPECT_EQ(peer_->receive_tags('S'), "PBDES");
    peer_.reset();
    EXPECT_FALSE(answer());
}

// The rest of the first answer must not be taken for the second one.
TEST_F(ClientTest, AfterAnExchangeThatDidNotEndTheSessionIsNotUsable) {
    const auto second_query = [this] {
        EXPECT_FALSE(client().usable());
        answered_.reset();
        tasks_.spawn(run_query("second", 1000));
        EXPECT_FALSE(answer());
        EXPECT_EQ(answer().error().error.kind, ErrorKind::internal);
        EXPECT_EQ(answer().error().error.detail, "the connection is not in a usable state");
    };
    login();
    EXPECT_TRUE(client().usable());
    auto late = test::run_coroutine(
        context_,
        client().simple_query("first",
                              std::chrono::steady_clock::now() + std::chrono::milliseconds(20)));
    ASSERT_FALSE(late);
    EXPECT_TRUE(is_timeout(late.error().error.code));
    second_query();

    login();
    start_query("first");
    tasks_.cancel();
    EXPECT_FALSE(answer());
    second_query();

    login();
    start_query("first", 1000);
    peer_->send(bytes_of("D\0\0\0\3"sv));
    EXPECT_FALSE(answer());
    second_query();
}

TEST_F(ClientTest, NotesWhatTheServerChanges) {
    start(options());
    begin().send(welcome({{"TimeZone", "UTC"}, {"in_hot_standby", "on"}}));
    EXPECT_EQ(client().parameter("in_hot_standby"), "on");
    EXPECT_EQ(client().parameter("nothing"), std::nullopt);
    start_query("select");
    Bytes bytes;
    encode_parameter_status(bytes, "in_hot_standby", "off");
    encode_command_complete(bytes, "SELECT 0");
    encode_ready_for_query(bytes, 'I');
    peer_->send(bytes);
    ASSERT_TRUE(answer());
    EXPECT_EQ(client().parameter("in_hot_standby"), "off");
}

TEST_F(ClientTest, EndsWithTerminate) {
    login();
    tasks_.spawn((**connected_)->close());
    EXPECT_EQ(peer_->receive().tag, 'X');
    EXPECT_EQ(peer_->receive().tag, 0);
}

TEST_F(ClientTest, CancelWaitsForTheServersClose) {
    std::optional<Result<void>> outcome;
    CancelRequest request;
    request.pid = 7;
    request.key = Bytes(256, 1);
    tasks_.spawn([](boost::asio::io_context& context,
                    ConnectOptions chosen,
                    CancelRequest sent,
                    std::optional<Result<void>>& result) -> net::Awaitable<void> {
        auto done = co_await PostgresClient::cancel(context, std::move(chosen), std::move(sent));
        result.emplace(std::move(done));
    }(context_, options(), request, outcome));
    auto stream = server_.accept();
    const auto packet = receive_startup(*stream);
    EXPECT_EQ(std::get<CancelRequest>(packet).key, request.key);
    context_.poll();
    EXPECT_FALSE(outcome);
    stream.reset();
    EXPECT_TRUE(test::run_until(context_, [&] { return outcome.has_value(); }));
    EXPECT_TRUE(*outcome);
}

TEST_F(ClientTest, FallsBackToPlainTextOnlyWhenPreferring) {
    start(options(TlsMode::prefer));
    auto stream = server_.accept();
    EXPECT_TRUE(std::holds_alternative<SslRequest>(receive_startup(*stream)));
    ASSERT_TRUE(test::run_coroutine(context_, stream->write_all(as_bytes("N"))));
    EXPECT_TRUE(std::holds_alternative<StartupMessage>(receive_startup(*stream)));
    Bytes bytes;
    encode_authentication_ok(bytes);
    encode_ready_for_query(bytes, 'I');
    ASSERT_TRUE(test::run_coroutine(context_, stream->write_all(bytes)));
    EXPECT_TRUE(finish());
}

TEST_F(ClientTest, RefusesPlainTextWhenTlsIsRequired) {
    for (const char* answer : {"N", "E"}) {
        connected_.reset();
        start(options(TlsMode::require));
        auto stream = server_.accept();
        EXPECT_TRUE(std::holds_alternative<SslRequest>(receive_startup(*stream)));
        ASSERT_TRUE(test::run_coroutine(context_, stream->write_all(as_bytes(answer))));
        const std::string expected = *answer == 'N'
                                         ? "the server does not support TLS"
                                         : "the server did not understand the TLS request";
        EXPECT_NE(failure().find(expected), std::string::npos) << failure();
    }
}

TEST_F(ClientTest, PlainTextInFrontOfTheHandshakeIsNotTaken) {
    start(options(TlsMode::require));
    auto stream = server_.accept();
    EXPECT_TRUE(std::holds_alternative<SslRequest>(receive_startup(*stream)));
    Bytes bytes = bytes_of("S");
    encode_authentication_ok(bytes);
    encode_ready_for_query(bytes, 'I');
    ASSERT_TRUE(test::run_coroutine(context_, stream->write_all(bytes)));
    EXPECT_FALSE(finish());
}

// Both of our own ends against each other.
class OkHandler final : public Handler {
public:
    std::optional<ErrorFields> startup(const StartupMessage&) override { return std::nullopt; }
    std::optional<ErrorFields> check_token(std::string_view token) override {
        if (token == "pw") return std::nullopt;
        return ErrorFields::fatal(sqlstate::invalid_authorization, "no");
    }
    net::Awaitable<QueryOutcome> process_query(PostgresBackend& backend, std::string) override {
        encode_command_complete(backend.out(), "OK");
        co_return QueryOutcome();
    }
};

TEST_F(ClientTest, EntersOurOwnBackendInEveryTlsMode) {
    const log::Capture log;
    const test::TestCertificates certificates;
    PostgresBackend::Options server;
    server.authentication = PostgresBackend::Authentication::jwt;
    server.handshake.tls =
        *net::TlsServerContext::load({certificates.server.certificate, certificates.server.key},
                                     net::TlsServerContext::Alpn::postgresql);
    server.handshake.tls_required = true;
    const auto& ca = certificates.authority.certificate;
    struct Case {
        TlsMode mode;
        std::filesystem::path authority;
        bool good;
    };
    const Case cases[] = {
        {TlsMode::disable, {}, false},
        {TlsMode::prefer, {}, true},
        {TlsMode::require, {}, true},
        {TlsMode::verify_ca, ca, true},
        {TlsMode::verify_full, ca, true},
        {TlsMode::verify_ca, {}, false},
    };
    OkHandler handler;
    for (const Case& test : cases) {
        SCOPED_TRACE(static_cast<int>(test.mode));
        connected_.reset();
        answered_.reset();
        PostgresBackend backend(server, log::Log());
        start(options(test.mode, test.authority));
        tasks_.spawn(backend.run(server_.accept(), handler));
        EXPECT_EQ(finish().has_value(), test.good);
        if (test.good) {
            tasks_.spawn(run_query("anything", 1000));
            ASSERT_TRUE(answer());
            EXPECT_EQ(answer()->command_tag, "OK");
            tasks_.spawn((**connected_)->close());
        }
        EXPECT_TRUE(test::run_until(context_, [&] { return tasks_.running() == 0; }));
    }
    EXPECT_EQ(log.text().find("ERROR"), std::string::npos) << log.text();
}

}  // namespace
}  // namespace sluice::pg
