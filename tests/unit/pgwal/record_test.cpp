#include "common/pgwal/record.hpp"

#include "common/base/hex.hpp"
#include "common/pgwal/layouts.hpp"

#include <gtest/gtest.h>

namespace sluice::pgwal {
namespace {

constexpr Lsn start(0x16B9188);

// The logical message ("prefix", "message") of no transaction.
Bytes message_body() {
    return *parse_hex(
        "ff260000000000000000"
        "0700000000000000"
        "0700000000000000"
        "70726566697800"
        "6d657373616765");
}

RecordHeader message_header() {
    RecordHeader header;
    header.total_bytes = 64;
    header.resource_manager = rm_logicalmsg_id;
    header.crc = 0xE3A622AA;
    return header;
}

RecordHeader good_header() {
    RecordHeader header = message_header();
    header.previous = Lsn(0x16B9150);
    return header;
}

TEST(RecordHeader, IsWrittenToTheByte) {
    Bytes bytes;
    encode_record_header(message_header(), bytes);
    EXPECT_EQ(to_hex(bytes),
              "400000000000000000000000000000000015"
              "0000"
              "aa22a6e3");
    EXPECT_EQ(decode_record_header(bytes), message_header());
}

TEST(RecordHeader, ReadsWhatItWrites) {
    RecordHeader header;
    header.total_bytes = 0x01020304;
    header.xid = 0x05060708;
    header.previous = Lsn(0x090A0B0C0D0E0F10);
    header.info = 0x4F;
    header.resource_manager = 0;
    header.crc = 0x12131415;
    Bytes bytes;
    encode_record_header(header, bytes);
    EXPECT_EQ(decode_record_header(bytes), header);
    EXPECT_EQ(header.kind(), xlog_switch);
    EXPECT_TRUE(header.is_switch());
    header.resource_manager = 1;
    EXPECT_FALSE(header.is_switch());
}

TEST(RecordCrc, IsOfTheBodyAndThenOfTheHeader) {
    Bytes header;
    encode_record_header(message_header(), header);
    EXPECT_EQ(record_crc(header, message_body()), 0xE3A622AAU);
    header[20] = 0;
    EXPECT_EQ(record_crc(header, message_body()), 0xE3A622AAU);
    header[16] = 1;
    EXPECT_NE(record_crc(header, message_body()), 0xE3A622AAU);
}

TEST(Record, StartsAtMultiplesOfEightOutsideOfPageHeaders) {
    for (const std::uint64_t lsn :
         {0x16B9188UL, 0x1000000UL, 0x1002000UL, 0x1002018UL, 0x1001FF8UL})
        EXPECT_TRUE(can_start_record(Lsn(lsn))) << lsn;
    for (const std::uint64_t lsn : {0UL, 0x16B9184UL, 0x16B9189UL, 0x1002008UL, 0x1002010UL})
        EXPECT_FALSE(can_start_record(Lsn(lsn))) << lsn;
    EXPECT_EQ(align_record(Lsn(0x11)), Lsn(0x18));
    EXPECT_EQ(align_record(Lsn(0x18)), Lsn(0x18));
}

TEST(ResourceManager, IsNamedAsByPgWaldump) {
    EXPECT_EQ(resource_manager_name(PgMajor::v14, 0), "XLOG");
    EXPECT_EQ(resource_manager_name(PgMajor::v15, 10), "Heap");
    EXPECT_EQ(resource_manager_name(PgMajor::v18, rm_logicalmsg_id), "LogicalMessage");
    EXPECT_EQ(resource_manager_name(PgMajor::v18, 22), "unknown22");
    EXPECT_EQ(resource_manager_name(PgMajor::v14, 128), "unknown128");
    EXPECT_EQ(resource_manager_name(PgMajor::v15, 128), "custom128");
}

TEST(ResourceManager, OfAnExtensionExistsSince15) {
    for (const PgMajor major : pg_majors) {
        EXPECT_TRUE(is_resource_manager(layout_of(major), 0));
        EXPECT_TRUE(is_resource_manager(layout_of(major), 21));
        EXPECT_FALSE(is_resource_manager(layout_of(major), 22));
        EXPECT_FALSE(is_resource_manager(layout_of(major), 127));
        EXPECT_EQ(is_resource_manager(layout_of(major), 128), major != PgMajor::v14);
        EXPECT_EQ(is_resource_manager(layout_of(major), 255), major != PgMajor::v14);
    }
}

TEST(RecordHeader, GoodOnesPass) {
    EXPECT_FALSE(check_record_header(PgMajor::v15, start, good_header(), Lsn(0x16B9150)));
    EXPECT_FALSE(check_record_header(PgMajor::v15, start, good_header(), Lsn()));
    RecordHeader largest = good_header();
    largest.total_bytes = layout_of(PgMajor::v18).record_bytes_max;
    EXPECT_FALSE(check_record_header(PgMajor::v18, start, largest, Lsn()));
    EXPECT_EQ(largest.total_bytes, 1020U * 1024 * 1024);
}

TEST(RecordHeader, TellsWhatIsWrong) {
    struct Case {
        const char* name;
        void (*damage)(RecordHeader&);
        Lsn previous;
        Errc code;
        const char* reason;
    };
    const Case cases[] = {
        {"short",
         [](RecordHeader& header) { header.total_bytes = 23; },
         Lsn(),
         Errc::invalid_record_length,
         "length 23, not from 24 to 1069547520, of the WAL record at 0/16B9188"},
        {"long",
         [](RecordHeader& header) { header.total_bytes = 1069547521; },
         Lsn(),
         Errc::invalid_record_length,
         "length 1069547521, not from 24 to 1069547520, of the WAL record at 0/16B9188"},
        {"resource manager",
         [](RecordHeader& header) { header.resource_manager = 22; },
         Lsn(),
         Errc::invalid_resource_manager,
         "resource manager 22 of the WAL record at 0/16B9188"},
        {"link to itself",
         [](RecordHeader& header) { header.previous = start; },
         Lsn(),
         Errc::wrong_previous_record,
         "link to the previous record 0/16B9188 of the WAL record at 0/16B9188"},
        {"link to another record",
         [](RecordHeader& header) { header.previous = Lsn(0x16B9148); },
         Lsn(0x16B9150),
         Errc::wrong_previous_record,
         "link to the previous record 0/16B9148 of the WAL record at 0/16B9188"},
    };
    for (const Case& c : cases) {
        SCOPED_TRACE(c.name);
        RecordHeader header = good_header();
        c.damage(header);
        const auto error = check_record_header(PgMajor::v16, start, header, c.previous);
        ASSERT_TRUE(error);
        EXPECT_EQ(error->code, c.code);
        EXPECT_EQ(error->lsn, start);
        EXPECT_EQ(error->reason, c.reason);
    }
}

}  // namespace
}  // namespace sluice::pgwal
