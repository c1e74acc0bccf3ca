#include "common/pgwal/logical_message.hpp"

#include "common/base/hex.hpp"
#include "common/pgwal/checkpoint.hpp"
#include "common/pgwal/errc.hpp"

#include <gtest/gtest.h>

namespace sluice::pgwal {
namespace {

constexpr Lsn start(0x16B9188);

Bytes message_of(std::size_t bytes) { return Bytes(bytes, 'm'); }

std::string encode(const RecordContent& content, PgMajor major = PgMajor::v15) {
    const auto record = encode_record(major, start, content, Lsn());
    EXPECT_TRUE(record);
    return record ? to_hex(*record) : "";
}

TEST(LogicalMessage, IsWrittenToTheByte) {
    const auto content =
        logical_message_record({.prefix = "prefix", .message = as_bytes("message")});
    ASSERT_TRUE(content);
    for (const PgMajor major : pg_majors)
        EXPECT_EQ(encode(*content, major),
                  "40000000"
                  "00000000"
                  "0000000000000000"
                  "00150000"
                  "aa22a6e3"
                  "ff26"
                  "00000000"
                  "00000000"
                  "0700000000000000"
                  "0700000000000000"
                  "70726566697800"
                  "6d657373616765");
}

TEST(LogicalMessage, CanBelongToATransaction) {
    const auto content = logical_message_record({.prefix = "",
                                                 .message = {},
                                                 .transactional = true,
                                                 .xid = 0x01020304,
                                                 .database = 0x05060708});
    ASSERT_TRUE(content);
    EXPECT_EQ(content->xid, 0x01020304U);
    EXPECT_EQ(to_hex(content->head),
              "ff19"
              "08070605"
              "01000000"
              "0100000000000000"
              "0000000000000000"
              "00");
    EXPECT_EQ(encode(*content).substr(8, 8), "04030201");
}

TEST(LogicalMessage, IsPaddedTo8Bytes) {
    for (const std::size_t bytes : {0U, 1U, 6U, 7U, 8U}) {
        const Bytes message = message_of(bytes);
        const auto content = logical_message_record({.prefix = "p", .message = message});
        ASSERT_TRUE(content);
        const auto record = encode_record(PgMajor::v15, start, *content, Lsn());
        ASSERT_TRUE(record);
        EXPECT_EQ(record->size() % 8, 0U);
        EXPECT_LT(record->size() - content->total_bytes(), 8U);
        EXPECT_EQ((*record)[0], 24 + 2 + 24 + 2 + bytes);
    }
}

TEST(LogicalMessage, HasALongHeaderFrom256BytesOn) {
    // 24 bytes before prefix and message, and the prefix's NUL.
    const Bytes longest_short = message_of(255 - 25);
    EXPECT_EQ(to_hex(logical_message_record({.message = longest_short})->head).substr(0, 4),
              "ffff");
    const Bytes shortest_long = message_of(256 - 25);
    EXPECT_EQ(to_hex(logical_message_record({.message = shortest_long})->head).substr(0, 10),
              "fe00010000");
}

TEST(LogicalMessage, RefusesAPrefixThatPostgresqlWouldCut) {
    const auto content = logical_message_record({.prefix = std::string_view("a\0b", 3)});
    ASSERT_FALSE(content);
    EXPECT_EQ(content.error().code, Errc::invalid_message_prefix);
}

TEST(LogicalMessage, RefusesWhatNoRecordCanHold) {
    // A view of more than a record's bytes; nothing reads them.
    const std::uint8_t byte = 0;
    const ByteView message(&byte, (std::size_t{1} << 30U) - 24);
    const auto content = logical_message_record({.message = message});
    ASSERT_FALSE(content);
    EXPECT_EQ(content.error().code, Errc::invalid_record_length);
    EXPECT_TRUE(logical_message_record({.message = message.first(message.size() - 1)}));
}

TEST(Record, IsNotLongerThanItsVersionReads) {
    const std::uint8_t byte = 0;
    RecordContent content;
    content.resource_manager = rm_logicalmsg_id;
    for (const std::size_t bytes : {std::size_t{0x3FFFFFFF}, std::size_t{1} << 32U, SIZE_MAX / 2}) {
        content.tail = ByteView(&byte, bytes);
        for (const PgMajor major : pg_majors) {
            const auto header = make_record_header(major, start, content, Lsn());
            ASSERT_FALSE(header);
            EXPECT_EQ(header.error().code, Errc::invalid_record_length);
            EXPECT_NE(header.error().detail.find("0/16B9188"), std::string::npos);
        }
    }
}

TEST(CheckpointRecord, HasTheLengthThatServersCheck) {
    CheckPoint checkpoint;
    checkpoint.redo = start;
    checkpoint.wal_level = 1;
    for (const PgMajor major : pg_majors) {
        const auto content = checkpoint_record(major, CheckpointKind::shutdown, checkpoint);
        EXPECT_EQ(content.total_bytes(), 114U);
        EXPECT_EQ(content.resource_manager, rm_xlog_id);
        EXPECT_EQ(content.info, 0x00);
        EXPECT_EQ(to_hex(content.head).substr(0, 20), "ff5888916b0100000000");
        const std::string wal_level = major >= PgMajor::v17 ? "01000000" : "00000000";
        EXPECT_EQ(to_hex(content.head).substr(2 * (2 + 20), 8), wal_level);
    }
    EXPECT_EQ(checkpoint_record(PgMajor::v15, CheckpointKind::online, checkpoint).info, 0x10);
}

TEST(CheckpointRecord, HasARedoRecordSince17) {
    const RecordContent content = checkpoint_redo_record(2);
    EXPECT_EQ(content.info, 0xE0);
    EXPECT_EQ(content.resource_manager, rm_xlog_id);
    EXPECT_EQ(to_hex(content.head), "ff0402000000");
}

}  // namespace
}  // namespace sluice::pgwal
