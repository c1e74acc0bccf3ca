#include "backend/client/replication_client.hpp"

#include "tests/unit/backend/client/client_fixture.hpp"

#include <gtest/gtest.h>

namespace sluice::pg {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

Deadline soon() { return std::chrono::steady_clock::now() + std::chrono::milliseconds(30); }

Bytes copy_data(std::string_view payload) {
    Bytes bytes;
    encode_copy_data(bytes, as_bytes(payload));
    return bytes;
}

Bytes ready() {
    Bytes bytes;
    encode_ready_for_query(bytes, 'I');
    return bytes;
}

Bytes complete(std::string_view tag) {
    Bytes bytes;
    EXPECT_TRUE(encode_command_complete(bytes, tag));
    return bytes;
}

Bytes rows(std::vector<std::string> names, std::vector<std::optional<std::string>> row) {
    std::vector<Column> columns;
    for (std::string& name : names) columns.push_back({std::move(name)});
    Bytes bytes;
    EXPECT_TRUE(encode_row_description(bytes, columns));
    EXPECT_TRUE(encode_data_row(bytes, row));
    encode_command_complete(bytes, "SELECT 1");
    return bytes;
}

Bytes operator+(Bytes a, const Bytes& b) {
    append(a, ByteView(b));
    return a;
}

// What a coroutine of the client gave, once it is there.
template <class T>
using Outcome = std::optional<T>;

class ReplicationTest : public ClientTest {
protected:
    using Received = ClientResult<std::optional<ByteView>>;

    ReplicationTest() {
        login();
        replication_ = std::make_unique<ReplicationClient>(std::move(*finish()));
    }

    // Coroutines that a failed test left behind still use the client.
    ~ReplicationTest() override {
        peer_.reset();
        stop_tasks();
    }

    template <class T>
    void begin_to(net::Awaitable<T> operation, Outcome<T>& outcome) {
        outcome.reset();
        tasks_.spawn([](net::Awaitable<T> running, Outcome<T>& result) -> net::Awaitable<void> {
            auto value = co_await std::move(running);
            result.emplace(std::move(value));
        }(std::move(operation), outcome));
    }
    template <class T>
    T& wait(Outcome<T>& outcome) {
        EXPECT_TRUE(test::run_until(context_, [&] { return outcome.has_value(); }));
        return *outcome;
    }
    template <class T>
    T run(net::Awaitable<T> operation) {
        Outcome<T> outcome;
        begin_to(std::move(operation), outcome);
        return std::move(wait(outcome));
    }
    // The client's command, answered by `bytes`.
    template <class T>
    T answered(net::Awaitable<T> operation, std::string_view command, const Bytes& bytes) {
        Outcome<T> outcome;
        begin_to(std::move(operation), outcome);
        EXPECT_EQ(peer_->receive().body, std::string(command) + '\0');
        peer_->send(bytes);
        return std::move(wait(outcome));
    }
    void start_stream() {
        Bytes bytes;
        encode_copy_both_response(bytes);
        const auto started = answered(replication_->start("START_REPLICATION 0/0", no_deadline),
                                      "START_REPLICATION 0/0",
                                      bytes);
        ASSERT_TRUE(started) << started.error().error.message();
    }
    std::string payload(Received received) {
        if (!received) return "failed: " + received.error().error.message();
        return *received ? std::string(as_text(**received)) : "ended";
    }
    std::string next() { return payload(run(replication_->receive_copy(no_deadline))); }

    std::unique_ptr<ReplicationClient> replication_;
};

TEST_F(ReplicationTest, IdentifiesTheSystem) {
    const auto names = std::vector<std::string>{"systemid", "timeline", "xlogpos", "dbname"};
    const auto identity = answered(replication_->identify_system(no_deadline),
                                   "IDENTIFY_SYSTEM",
                                   rows(names, {"7", "2", "16/B374D848", std::nullopt}) + ready());
    ASSERT_TRUE(identity);
    EXPECT_EQ(identity->system_id, "7");
    EXPECT_EQ(identity->timeline, 2U);
    EXPECT_EQ(identity->flush_lsn, Lsn(0x16B374D848));
    EXPECT_EQ(identity->database, std::nullopt);

    const std::vector<std::optional<std::string>> malformed[] = {
        {"7", "x", "0/1", std::nullopt},
        {"7", "1", "01", std::nullopt},
        {std::nullopt, "1", "0/1", std::nullopt},
    };
    for (const auto& row : malformed) {
        const auto refused = answered(replication_->identify_system(no_deadline),
                                      "IDENTIFY_SYSTEM",
                                      rows(names, row) + ready());
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().error.detail, "malformed answer to IDENTIFY_SYSTEM");
    }
}

TEST_F(ReplicationTest, ShowsASetting) {
    const auto shown = answered(replication_->show("wal_segment_size", no_deadline),
                                "SHOW wal_segment_size",
                                rows({"wal_segment_size"}, {"16MB"}) + ready());
    ASSERT_TRUE(shown);
    EXPECT_EQ(*shown, "16MB");
    const auto refused = run(replication_->show("x; DROP", no_deadline));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().error.kind, ErrorKind::internal);
}

TEST_F(ReplicationTest, ACommandThatBeginsNoStreamLeavesTheSessionUsable) {
    const auto refused =
        answered(replication_->start("START_REPLICATION 9/9", no_deadline),
                 "START_REPLICATION 9/9",
                 refusal("58P01", "requested WAL segment has been removed") + ready());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().server->code, "58P01");
    EXPECT_FALSE(replication_->streaming());

    const auto other =
        answered(replication_->start("SHOW x", no_deadline), "SHOW x", complete("SHOW") + ready());
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().error.detail, "the command began no stream");
    start_stream();
}

TEST_F(ReplicationTest, ReceivesWalAndKeepalives) {
    start_stream();
    XLogData wal;
    wal.start = Lsn(0x1000);
    wal.end = Lsn(0x2000);
    wal.data = as_bytes("records");
    Keepalive alive;
    alive.end = Lsn(0x3000);
    alive.reply_requested = true;
    Bytes bytes;
    encode_xlog_data(bytes, wal);
    encode_notice_response(bytes, ErrorFields::notice("by the way"));
    encode_keepalive(bytes, alive);
    peer_->send(bytes);

    const auto first = run(replication_->receive(no_deadline));
    ASSERT_TRUE(first && *first);
    EXPECT_EQ(std::get<XLogData>(**first).start, Lsn(0x1000));
    EXPECT_EQ(as_text(std::get<XLogData>(**first).data), "records");
    const auto second = run(replication_->receive(no_deadline));
    ASSERT_TRUE(second && *second);
    EXPECT_TRUE(std::get<Keepalive>(**second).reply_requested);
}

TEST_F(ReplicationTest, SendsWhileItReceives) {
    start_stream();
    Outcome<Received> received;
    begin_to(replication_->receive_copy(no_deadline), received);
    context_.poll();
    StandbyStatus status;
    status.write = Lsn(5);
    ASSERT_TRUE(run(replication_->send(status, no_deadline)));
    const Message sent = peer_->receive();
    EXPECT_EQ(sent.tag, 'd');
    const auto parsed = parse_standby_message(as_bytes(sent.body));
    ASSERT_TRUE(parsed);
    EXPECT_EQ(std::get<StandbyStatus>(*parsed).write, Lsn(5));
    EXPECT_FALSE(received);
    peer_->send(copy_data("answer"));
    EXPECT_EQ(payload(std::move(wait(received))), "answer");
}

TEST_F(ReplicationTest, AReceiverWhoseTimeIsOverGoesOnLater) {
    start_stream();
    for (int i = 0; i < 3; ++i) {
        const auto late = run(replication_->receive_copy(soon()));
        ASSERT_FALSE(late);
        EXPECT_TRUE(is_timeout(late.error().error.code));
    }
    peer_->send(copy_data("late"));
    EXPECT_EQ(next(), "late");
}

// The server takes nothing, so the sender times out; the receiver does not notice.
TEST_F(ReplicationTest, ASendersDeadlineIsNotTheReceivers) {
    start_stream();
    Outcome<Received> received;
    begin_to(replication_->receive_copy(no_deadline), received);
    const std::string large(16U << 20U, 'x');
    const auto sent = run(replication_->send_copy(as_bytes(large).first(15U << 20U), soon()));
    ASSERT_FALSE(sent);
    EXPECT_TRUE(is_timeout(sent.error().code));
    EXPECT_FALSE(received);
    peer_->send(copy_data("still here"));
    EXPECT_EQ(payload(std::move(wait(received))), "still here");

    // What was cut off goes out before the next message.
    Outcome<Result<void>> last;
    begin_to(replication_->send_copy(as_bytes("last"), no_deadline), last);
    EXPECT_EQ(peer_->receive().body.size(), 15U << 20U);
    EXPECT_EQ(peer_->receive().body, "last");
    EXPECT_TRUE(wait(last));
}

TEST_F(ReplicationTest, AReceiversDeadlineIsNotTheSenders) {
    start_stream();
    const std::string large(15U << 20U, 'x');
    Outcome<Result<void>> sent;
    begin_to(replication_->send_copy(as_bytes(large), no_deadline), sent);
    EXPECT_FALSE(run(replication_->receive_copy(soon())));
    EXPECT_FALSE(sent);
    EXPECT_EQ(peer_->receive().body.size(), large.size());
    EXPECT_TRUE(wait(sent));
}

TEST_F(ReplicationTest, TheServerEndsTheStreamWithTheNextTimeline) {
    start_stream();
    Bytes bytes = copy_data("last");
    encode_copy_done(bytes);
    peer_->send(bytes);
    EXPECT_EQ(next(), "last");
    EXPECT_EQ(next(), "ended");
    EXPECT_EQ(next(), "ended");

    Outcome<ClientResult<QueryResult>> finished;
    begin_to(replication_->finish(no_deadline), finished);
    EXPECT_EQ(peer_->receive().tag, 'c');
    peer_->send(rows({"next_tli", "next_tli_startpos"}, {"2", "0/5000"}) +
                complete("START_STREAMING") + ready());
    const auto& result = wait(finished);
    ASSERT_TRUE(result);
    ASSERT_EQ(result->rows.size(), 1U);
    EXPECT_EQ(result->rows[0][0], "2");
    EXPECT_FALSE(replication_->streaming());
    EXPECT_TRUE(replication_->client().usable());
    start_stream();
}

TEST_F(ReplicationTest, FinishingDropsWhatTheServerStillSends) {
    start_stream();
    Outcome<ClientResult<QueryResult>> finished;
    begin_to(replication_->finish(no_deadline), finished);
    EXPECT_EQ(peer_->receive().tag, 'c');
    Bytes bytes = copy_data("too late");
    encode_copy_done(bytes);
    peer_->send(bytes + complete("COPY 0") + ready());
    ASSERT_TRUE(wait(finished));
    EXPECT_EQ((*finished)->command_tag, "COPY 0");
}

TEST_F(ReplicationTest, AServerThatStopsEndsInOrder) {
    start_stream();
    peer_->send(complete("COPY 0"));
    peer_.reset();
    EXPECT_EQ(next(), "ended");
    const auto finished = run(replication_->finish(no_deadline));
    ASSERT_TRUE(finished) << finished.error().error.message();
    EXPECT_EQ(finished->command_tag, "COPY 0");
    EXPECT_FALSE(replication_->client().usable());
}

TEST_F(ReplicationTest, OtherEndsAreErrors) {
    struct Case {
        Bytes sent;
        std::string failure;
    };
    const Case cases[] = {
        {refusal("XX000", "requested starting point 9/0 is ahead"),
         "failed: the server says XX000: requested starting point 9/0 is ahead"},
        {refusal("00000", "ending streaming"), "failed: the server says 00000: ending streaming"},
        {bytes_of("D\0\0\0\4"sv), "failed: unexpected message in a replication stream"},
        {Bytes(), "failed: the server closed the connection: end of stream"},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(test.failure);
        login();
        replication_ = std::make_unique<ReplicationClient>(std::move(*finish()));
        start_stream();
        peer_->send(test.sent);
        if (test.sent.empty()) peer_.reset();
        EXPECT_EQ(next(), test.failure);
    }
}

TEST_F(ReplicationTest, AStreamTakesNoCommands) {
    EXPECT_FALSE(run(replication_->receive(no_deadline)));
    EXPECT_FALSE(run(replication_->send_copy(as_bytes("x"), no_deadline)));
    EXPECT_FALSE(run(replication_->finish(no_deadline)));
    start_stream();
    const auto refused = run(replication_->command("SHOW x", no_deadline));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().error.kind, ErrorKind::internal);
}

TEST_F(ReplicationTest, ClosesInTheMiddleOfAStream) {
    start_stream();
    tasks_.spawn(replication_->close());
    EXPECT_EQ(peer_->receive().tag, 'X');
    EXPECT_EQ(peer_->receive().tag, 0);
}

}  // namespace
}  // namespace sluice::pg
