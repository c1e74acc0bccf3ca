#include "backend/protocol/message_writer.hpp"
#include "tests/unit/backend/client/client_fixture.hpp"

#include <gtest/gtest.h>

// What becomes of an exchange that does not go as usual, and of the session after it.
namespace sluice::pg {
namespace {

using Row = std::vector<std::optional<std::string>>;

Bytes copy_in_response() { return message('G', std::string_view("\0\0\0", 3)); }

Bytes error_response(std::string_view code, std::string text) {
    Bytes bytes;
    encode_error_response(bytes, ErrorFields::error(code, std::move(text)));
    return bytes;
}

Bytes ready() {
    Bytes bytes;
    encode_ready_for_query(bytes, 'I');
    return bytes;
}

class ExchangeTest : public ClientTest {
protected:
    // Plays the server of one statement up to its COPY FROM STDIN.
    void begin_copy() {
        login();
        start_statement("copy t from stdin", {});
        EXPECT_EQ(peer_->receive_tags('S'), "PBDES");
        Bytes bytes;
        encode_parse_complete(bytes);
        encode_bind_complete(bytes);
        encode_no_data(bytes);
        const Bytes copy = copy_in_response();
        append(bytes, ByteView(copy));
        peer_->send(bytes);
        EXPECT_EQ(peer_->receive().tag, 'f');
    }
    void answer_with_rows(std::size_t count, const Row& row) {
        Bytes bytes;
        const std::vector<Column> columns(row.size(), Column{"a"});
        EXPECT_TRUE(encode_row_description(bytes, columns));
        for (std::size_t i = 0; i < count; ++i) EXPECT_TRUE(encode_data_row(bytes, row));
        encode_command_complete(bytes, "SELECT");
        append(bytes, ByteView(ready()));
        peer_->send(bytes);
    }
    // The session takes another query and gets its answer.
    void expect_usable() {
        ASSERT_TRUE(client().usable());
        start_query("next");
        answer_with_rows(1, {"1"});
        ASSERT_TRUE(answer()) << answer().error().error.message();
        EXPECT_EQ(answer()->rows, (std::vector<Row>{{"1"}}));
    }
};

// In COPY a server passes over the Sync that came with the statement.
TEST_F(ExchangeTest, ARefusedCopyOfAStatementEndsWithASyncOfItsOwn) {
    begin_copy();
    ASSERT_EQ(peer_->receive().tag, 'S');
    peer_->send(
        error_response("57014", "COPY from stdin failed: COPY FROM STDIN is not supported here"));
    peer_->send(ready());
    ASSERT_FALSE(answer());
    EXPECT_EQ(answer().error().server->code, "57014");
    expect_usable();
}

// Then nobody knows whether the server had passed over the first Sync, or answers both.
TEST_F(ExchangeTest, ACopyThatFailedByItselfLeavesTheSessionUnusable) {
    begin_copy();
    peer_->send(error_response("57014", "canceling statement due to user request"));
    peer_->send(ready());
    ASSERT_FALSE(answer());
    EXPECT_EQ(answer().error().server->message, "canceling statement due to user request");
    EXPECT_FALSE(client().usable());
}

TEST_F(ExchangeTest, EveryRowAndValueCountsWithTheMemoryThatItTakes) {
    login();
    for (const Row& row : {Row(), Row(2)}) {
        SCOPED_TRACE(row.size());
        start_query("select", 1000);
        answer_with_rows(60, row);
        ASSERT_FALSE(answer());
        EXPECT_EQ(answer().error().error.kind, ErrorKind::limit);
        EXPECT_EQ(answer().error().error.detail, "the answer is larger than allowed");
        expect_usable();
    }
}

TEST_F(ExchangeTest, AMessageAboveTheBoundIsDroppedAsItArrives) {
    constexpr std::size_t bytes_max = 2U << 20U;
    login();
    for (const std::size_t size : {bytes_max, std::size_t(5U << 20U)}) {
        SCOPED_TRACE(size);
        start_query("select", bytes_max);
        answer_with_rows(2, {std::string(size, 'x')});
        ASSERT_FALSE(answer());
        EXPECT_EQ(answer().error().error.kind, ErrorKind::limit);
        EXPECT_EQ(answer().error().error.detail, "the answer is larger than allowed");
        expect_usable();
    }
}

// What it says is not bounded by what rows may take.
TEST_F(ExchangeTest, AnErrorIsReadWhateverTheBoundForRows) {
    login();
    start_query("select", 100);
    peer_->send(error_response("42601", std::string(5000, 'x')));
    peer_->send(ready());
    ASSERT_FALSE(answer());
    ASSERT_TRUE(answer().error().server) << answer().error().error.message();
    EXPECT_EQ(answer().error().server->code, "42601");
    expect_usable();
}

TEST_F(ExchangeTest, AnErrorOfManyMegabytesIsDroppedToo) {
    login();
    start_query("select", 100);
    peer_->send(error_response("42601", std::string(3U << 20U, 'x')));
    peer_->send(ready());
    ASSERT_FALSE(answer());
    EXPECT_EQ(answer().error().error.kind, ErrorKind::limit);
    expect_usable();
}

TEST_F(ExchangeTest, AServerThatGoesAwayInADroppedMessageHasClosed) {
    login();
    start_query("select", 100);
    Bytes row;
    EXPECT_TRUE(encode_data_row(row, Row{std::string(3U << 20U, 'x')}));
    peer_->send(ByteView(row).first(2U << 20U));
    peer_.reset();
    ASSERT_FALSE(answer());
    EXPECT_FALSE(client().usable());
}

// The query is larger than what sockets buffer, so that sending it fails.
TEST_F(ExchangeTest, WhatTheServerSaidBeforeItClosedIsTheReasonAlsoWhenSendingFails) {
    login();
    peer_->send(refusal("57P01", "shutting down"));
    peer_.reset();
    tasks_.spawn(run_query(std::string(32U << 20U, ' '), 1000));
    ASSERT_FALSE(answer());
    ASSERT_TRUE(answer().error().server) << answer().error().error.message();
    EXPECT_EQ(answer().error().server->code, "57P01");
    EXPECT_FALSE(client().usable());
}

TEST_F(ExchangeTest, AServerThatClosedWithoutAWordIsAFailureToSend) {
    login();
    peer_.reset();
    tasks_.spawn(run_query(std::string(32U << 20U, ' '), 1000));
    ASSERT_FALSE(answer());
    EXPECT_FALSE(answer().error().server);
    EXPECT_TRUE(is_disconnect(answer().error().error.code)) << answer().error().error.message();
    EXPECT_EQ(answer().error().error.kind, ErrorKind::compute);
}

TEST_F(ExchangeTest, AWrongUseIsNotTheServersFault) {
    login();
    const Row too_many(65'536);
    start_statement(std::string("select \0", 8), {});
    ASSERT_FALSE(answer());
    EXPECT_EQ(answer().error().error.kind, ErrorKind::internal);
    start_statement("select", too_many);
    ASSERT_FALSE(answer());
    EXPECT_EQ(answer().error().error.kind, ErrorKind::internal);
    answered_.reset();
    tasks_.spawn(run_query(std::string("select \0", 8), 1000));
    ASSERT_FALSE(answer());
    EXPECT_EQ(answer().error().error.kind, ErrorKind::internal);
    expect_usable();
}

}  // namespace
}  // namespace sluice::pg
