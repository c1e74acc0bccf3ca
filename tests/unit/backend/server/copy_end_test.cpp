#include "backend/protocol/frontend.hpp"
#include "backend/server/postgres_backend.hpp"
#include "common/net/task_group.hpp"
#include "common/net/timer.hpp"
#include "tests/support/coroutine.hpp"
#include "tests/support/socket_pair.hpp"
#include "tests/unit/backend/bytes.hpp"
#include "tests/unit/backend/peer.hpp"

#include <boost/asio/post.hpp>
#include <gtest/gtest.h>

#include <sys/socket.h>

namespace sluice::pg {
namespace {

using namespace std::string_view_literals;

// Receives to the end; sends until it is told to end in some way.
class Service final : public CopyBothService {
public:
    explicit Service(std::optional<CopyStreamEnd>& verdict) : verdict_(verdict) {}
    net::Awaitable<CopyStreamEnd> receive(CopyReader& reader) override {
        for (;;) {
            auto payload = co_await reader.read();
            if (!payload) co_return std::move(payload).error();
        }
    }
    net::Awaitable<CopyStreamEnd> send(CopyWriter&) override {
        if (verdict_) co_return *verdict_;
        co_await net::sleep_for(std::chrono::hours(1));
        co_return CopyStreamEnd::cancelled();
    }

private:
    std::optional<CopyStreamEnd>& verdict_;
};

// Its sender has nothing more to send while its receiver is in work that cannot be cancelled, between
// two messages that arrived together.
class LateReceiver final : public CopyBothService {
public:
    explicit LateReceiver(bool tells) : tells_(tells) {}
    net::Awaitable<CopyStreamEnd> receive(CopyReader& reader) override {
        auto data = co_await reader.read();
        EXPECT_TRUE(data);
        at_work_ = true;
        while (!sender_ended_) co_await boost::asio::post(net::use_result);
        auto end = co_await reader.read();
        EXPECT_FALSE(end);
        if (end || !tells_) co_return CopyStreamEnd::cancelled();
        co_return std::move(end).error();
    }
    net::Awaitable<CopyStreamEnd> send(CopyWriter&) override {
        while (!at_work_) co_await net::sleep_for(std::chrono::microseconds(100));
        sender_ended_ = true;
        co_return CopyStreamEnd::server_initiated("end of the timeline");
    }

private:
    bool tells_;  // how the stream ended, as the reader told it
    bool at_work_ = false;
    bool sender_ended_ = false;
};

class CopyHandler final : public Handler {
public:
    std::optional<ErrorFields> startup(const StartupMessage&) override { return std::nullopt; }
    net::Awaitable<QueryOutcome> process_query(PostgresBackend& backend,
                                               std::string query) override {
        if (query == "both") {
            Service service(verdict);
            co_return co_await backend.copy_both(service, options);
        }
        if (query == "late" || query == "late and silent") {
            LateReceiver service(query == "late");
            co_return co_await backend.copy_both(service, options);
        }
        if (query == "in") co_return co_await copy_in(backend);
        if (query == "out") co_return co_await copy_out(backend);
        encode_command_complete(backend.out(), "OK");
        co_return QueryOutcome();
    }

    std::optional<CopyStreamEnd> verdict;  // of the service's sender; none: it waits
    CopyOptions options;
    std::string received;

private:
    net::Awaitable<QueryOutcome> copy_in(PostgresBackend& backend) {
        auto reader = co_await backend.copy_in();
        if (!reader) co_return query_error(reader.error());
        for (;;) {
            auto payload = co_await reader->read();
            if (payload) {
                received += as_text(*payload);
                continue;
            }
            if (payload.error().kind() != CopyStreamEnd::Kind::copy_done) {
                co_return query_error(payload.error());
            }
            encode_command_complete(backend.out(), "COPY 1");
            co_return QueryOutcome();
        }
    }
    net::Awaitable<QueryOutcome> copy_out(PostgresBackend& backend) {
        auto writer = co_await backend.copy_out();
        if (!writer) co_return query_error(writer.error());
        const Bytes line = bytes_of("line\n");
        auto sent = co_await writer->write(line);
        if (!sent) co_return query_error(sent.error());
        writer->finish();
        encode_command_complete(backend.out(), "COPY 1");
        co_return QueryOutcome();
    }
};

struct Fixture {
    Fixture() : backend({}, log::Log()), peer(context, std::move(pair.client)) {
        tasks.spawn(backend.run(std::move(pair.server), handler));
        peer.send(startup_packet(3, 0, "user\0app\0\0"sv));
        EXPECT_EQ(peer.receive_tags('Z'), "RSSSZ");
    }
    ~Fixture() {
        peer.stream().close();
        tasks.cancel();
        wait_for_end();
    }
    void query(std::string_view text) {
        Bytes bytes;
        EXPECT_TRUE(encode_query(bytes, text));
        peer.send(bytes);
    }
    // Everything up to the end of the answer or of the connection: "E57014 text" for errors.
    std::string answer() {
        std::string text;
        for (;;) {
            const Message message = peer.receive();
            if (message.tag == 0) return text + "$";
            text += message.tag;
            if (message.tag == 'C') text += message.body.substr(0, message.body.size() - 1) + " ";
            if (message.tag == 'E') {
                const auto fields = *parse_error_fields(as_bytes(message.body));
                text += fields.severity + " " + fields.code + " " + fields.message + " ";
            }
            if (message.tag == 'Z') return text;
        }
    }
    void wait_for_end() {
        EXPECT_TRUE(test::run_until(context, [&] { return tasks.running() == 0; }));
    }
    std::size_t errors() const {
        std::size_t count = 0;
        const std::string text = log.text();
        for (auto at = text.find("ERROR"); at != std::string::npos; at = text.find("ERROR", at + 1))
            ++count;
        return count;
    }

    log::Capture log;
    boost::asio::io_context context;
    test::StreamPair pair = test::tcp_pair(context);
    CopyHandler handler;
    PostgresBackend backend;
    Peer peer;
    net::TaskGroup tasks{context};
};

void reset_connection(net::ByteStream& stream) {
    const ::linger at_once = {1, 0};
    ::setsockopt(stream.native_handle(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    stream.close();
}

// What ends the stream from the client's side or by stop(), and both dialects' answers.
struct EndCase {
    const char* name;
    Bytes sent;
    const char* stock;  // up to ReadyForQuery or the end of the connection
    const char* neon;
    const char* log;
};

const EndCase end_cases[] = {
    {"CopyDone",
     message('c'),
     "cCCOPY 0 Z",
     "c$",
     "INFO copy stream ended end=copy_done reason=\"received CopyDone\"\n"},
    {"CopyFail",
     message('f', "enough\0"sv),
     "EERROR 00000 enough Z",
     "EERROR 00000 enough $",
     "INFO copy stream ended end=copy_fail sqlstate=00000 reason=\"received CopyFail: enough\"\n"},
    {"Terminate",
     message('X'),
     "$",
     "$",
     "INFO copy stream ended end=terminate reason=\"received Terminate\"\n"},
    {"garbage",
     message('\x01'),
     "EFATAL 08P01 unexpected message in COPY stream: type 1 $",
     "$",
     "ERROR protocol violation end=disconnected"},
    {"Sync",
     message('S'),
     "EFATAL 08P01 unexpected message in COPY stream: type 83 $",
     "$",
     "ERROR protocol violation end=disconnected"},
};

TEST(CopyEnd, OfTheClientIsAnsweredAsTheTableSays) {
    for (const EndCase& test : end_cases) {
        for (const auto ending : {CopyEnding::stock, CopyEnding::neon}) {
            SCOPED_TRACE(test.name);
            Fixture fixture;
            fixture.handler.options.ending = ending;
            fixture.query("both");
            EXPECT_EQ(fixture.peer.receive().tag, 'W');
            fixture.peer.send(test.sent);
            const std::string expected = ending == CopyEnding::stock ? test.stock : test.neon;
            EXPECT_EQ(fixture.answer(), expected);
            EXPECT_NE(fixture.log.text().find(test.log), std::string::npos) << fixture.log.text();
            EXPECT_EQ(fixture.errors(), test.log[0] == 'E' ? 1U : 0U) << fixture.log.text();
            if (expected.back() != 'Z') continue;
            fixture.query("select");
            EXPECT_EQ(fixture.answer(), "COK Z");
        }
    }
}

TEST(CopyEnd, OfTheServerWaitsForTheClientsCopyDone) {
    Fixture fixture;
    fixture.handler.verdict = CopyStreamEnd::server_initiated("end of the timeline");
    fixture.handler.options.command_tags = {"START_STREAMING", "START_REPLICATION"};
    fixture.query("both");
    EXPECT_EQ(fixture.peer.receive().tag, 'W');
    EXPECT_EQ(fixture.peer.receive().tag, 'c');
    Bytes bytes = message('d', "r, sent before");
    append(bytes, message('c'));
    fixture.peer.send(bytes);
    EXPECT_EQ(fixture.answer(), "CSTART_STREAMING CSTART_REPLICATION Z");
    fixture.query("select");
    EXPECT_EQ(fixture.answer(), "COK Z");
    EXPECT_EQ(fixture.log.text(),
              "INFO copy stream ended end=server_initiated reason=\"end of the timeline\"\n");
}

TEST(CopyEnd, OfTheServerDoesNotWaitForEver) {
    Fixture fixture;
    fixture.handler.verdict = CopyStreamEnd::server_initiated("end of the timeline");
    fixture.handler.options.goodbye_timeout = std::chrono::milliseconds(30);
    fixture.query("both");
    EXPECT_EQ(fixture.answer(), "Wc$");
    EXPECT_EQ(fixture.errors(), 0U) << fixture.log.text();
}

TEST(CopyEnd, OfTheServerDoesNotWaitForAnEndThatItsServiceHasRead) {
    for (const char* query : {"late", "late and silent"}) {
        for (const Bytes& end : {message('c'), message('f', "enough\0"sv)}) {
            SCOPED_TRACE(query + std::string(1, static_cast<char>(end[0])));
            Fixture fixture;
            fixture.handler.options.goodbye_timeout = std::chrono::milliseconds(30);
            fixture.query(query);
            EXPECT_EQ(fixture.peer.receive().tag, 'W');
            Bytes bytes = message('d', "the last");
            append(bytes, end);
            fixture.peer.send(bytes);
            EXPECT_EQ(fixture.answer(), "cCCOPY 0 Z");
            fixture.query("select");
            EXPECT_EQ(fixture.answer(), "COK Z");
            EXPECT_EQ(fixture.errors(), 0U) << fixture.log.text();
        }
    }
}

TEST(CopyEnd, ATerminationInsteadOfCopyDoneIsTheEnd) {
    Fixture fixture;
    fixture.handler.verdict = CopyStreamEnd::server_initiated("end of the timeline");
    fixture.query("both");
    EXPECT_EQ(fixture.peer.receive().tag, 'W');
    fixture.peer.send(message('X'));
    EXPECT_EQ(fixture.answer(), "c$");
    EXPECT_EQ(fixture.errors(), 0U) << fixture.log.text();
}

TEST(CopyEnd, OfTheServerIsAnErrorResponseForNeon) {
    Fixture fixture;
    fixture.handler.verdict = CopyStreamEnd::server_initiated("ending streaming");
    fixture.handler.options.ending = CopyEnding::neon;
    fixture.query("both");
    EXPECT_EQ(fixture.answer(), "WEERROR 00000 ending streaming $");
}

TEST(CopyEnd, AFailureOfTheServiceIsAnErrorResponse) {
    struct Case {
        const char* name;
        CopyStreamEnd end;
        CopyEnding ending;
        const char* answer;
        std::size_t errors;
    };
    const auto refused =
        CopyStreamEnd::failed(QueryError(ErrorFields::error("58P01", "WAL is removed")));
    const auto internal = CopyStreamEnd::failed(QueryError::internal("disk on fire"));
    const Case cases[] = {
        {"refused", refused, CopyEnding::stock, "WEERROR 58P01 WAL is removed Z", 0},
        {"internal", internal, CopyEnding::stock, "WEERROR XX000 internal error Z", 1},
        {"refused, neon", refused, CopyEnding::neon, "WEERROR XX000 WAL is removed $", 0},
        {"internal, neon", internal, CopyEnding::neon, "WEERROR XX000 disk on fire $", 1},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(test.name);
        Fixture fixture;
        fixture.handler.verdict = test.end;
        fixture.handler.options.ending = test.ending;
        fixture.query("both");
        EXPECT_EQ(fixture.answer(), test.answer);
        EXPECT_EQ(fixture.errors(), test.errors) << fixture.log.text();
        if (test.ending == CopyEnding::neon) continue;
        fixture.peer.send(message('c'));  // what the client still had to say
        fixture.query("select");
        EXPECT_EQ(fixture.answer(), "COK Z");
    }
}

TEST(CopyEnd, AClientThatGoesAwayIsNoError) {
    for (const bool reset : {false, true}) {
        SCOPED_TRACE(reset);
        Fixture fixture;
        fixture.query("both");
        EXPECT_EQ(fixture.peer.receive().tag, 'W');
        if (reset) {
            reset_connection(fixture.peer.stream());
        } else {
            fixture.peer.stream().close();
        }
        fixture.wait_for_end();
        EXPECT_EQ(fixture.errors(), 0U) << fixture.log.text();
        EXPECT_NE(fixture.log.text().find(reset ? "INFO copy stream ended end=disconnected"
                                                : "INFO copy stream ended end=eof"),
                  std::string::npos)
            << fixture.log.text();
    }
}

TEST(CopyEnd, StopAndCancellationAreAdminShutdowns) {
    for (const char* query : {"both", "in"}) {
        for (const bool cancelled : {false, true}) {
            SCOPED_TRACE(query + std::string(cancelled ? " cancelled" : " stopped"));
            Fixture fixture;
            fixture.query(query);
            const char tag = fixture.peer.receive().tag;
            EXPECT_TRUE(tag == 'W' || tag == 'G');
            if (cancelled) {
                fixture.tasks.cancel();
            } else {
                fixture.backend.stop();
            }
            EXPECT_EQ(fixture.answer(),
                      "EFATAL 57P01 terminating connection due to administrator command $");
            EXPECT_EQ(fixture.errors(), 0U) << fixture.log.text();
        }
    }
}

TEST(CopyEnd, AnEndInAnExtendedQueryComesBeforeItsSync) {
    Fixture fixture;
    Bytes bytes = message('P', "\0both\0\0\0"sv);
    append(bytes, message('B', "\0\0\0\0\0\0\0\0"sv));
    append(bytes, message('E', "\0\0\0\0\0"sv));
    fixture.peer.send(bytes);
    EXPECT_EQ(fixture.peer.receive_tags('W'), "12W");
    bytes = message('f', "enough\0"sv);
    append(bytes, message('Q', "discarded\0"sv));
    append(bytes, message('S'));
    fixture.peer.send(bytes);
    EXPECT_EQ(fixture.answer(), "EERROR 00000 enough Z");
}

TEST(CopyIn, TakesDataUpToCopyDone) {
    Fixture fixture;
    fixture.query("in");
    Bytes bytes = message('d', "one\n");
    append(bytes, message('S'));
    append(bytes, message('d', "two\n"));
    append(bytes, message('c'));
    fixture.peer.send(bytes);
    EXPECT_EQ(fixture.answer(), "GCCOPY 1 Z");
    EXPECT_EQ(fixture.handler.received, "one\ntwo\n");
}

TEST(CopyIn, AFailureOfTheClientIsAnErrorOfTheQuery) {
    Fixture fixture;
    fixture.query("in");
    Bytes bytes = message('f', "enough\0"sv);
    append(bytes, message('d', "late"));
    fixture.peer.send(bytes);
    EXPECT_EQ(fixture.answer(), "GEERROR 57014 COPY from stdin failed: enough Z");
    fixture.query("select");
    EXPECT_EQ(fixture.answer(), "COK Z");
}

TEST(CopyOut, SendsDataAndTheEnd) {
    Fixture fixture;
    fixture.query("out");
    EXPECT_EQ(fixture.answer(), "HdcCCOPY 1 Z");
}

}  // namespace
}  // namespace sluice::pg
