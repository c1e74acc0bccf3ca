#include "common/pgwal/wal_writer.hpp"

#include "common/base/hex.hpp"
#include "common/pgwal/decoder.hpp"
#include "common/pgwal/logical_message.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace sluice::pgwal {
namespace {

constexpr std::uint64_t system_id = 7'000'000'000'000'000'001;
constexpr std::uint64_t mib = 1U << 20U;

WalIdentity identity_of(PgMajor major = PgMajor::v15, std::uint64_t segment_bytes = mib) {
    return {major, *SegmentSize::load(segment_bytes), system_id, 3};
}

// Refuses what WalSink promises not to get, and fails when it is told to.
class CheckedSink final : public WalSink {
public:
    Result<void> write(Lsn lsn, ByteView bytes) override {
        EXPECT_FALSE(bytes.empty());
        EXPECT_LE(page_offset(lsn) + bytes.size(), page_bytes);
        ++writes;
        if (writes == failing_write)
            return Error(ErrorKind::storage, "no space left", boost::system::error_code());
        return buffer.write(lsn, bytes);
    }

    WalBuffer buffer;
    int writes = 0;
    int failing_write = 0;
};

WalWriter open(WalSink& sink,
               Lsn next,
               Lsn previous = Lsn(8),
               const WalIdentity& identity = identity_of()) {
    auto writer = WalWriter::open(identity, {next, previous}, sink);
    EXPECT_TRUE(writer) << writer.error().message();
    return *std::move(writer);
}

// A record of so many bytes after its header.
RecordContent content_of(std::size_t bytes) {
    RecordContent content;
    content.resource_manager = rm_logicalmsg_id;
    content.xid = 42;
    for (std::size_t i = 0; i < bytes; ++i)
        content.head.push_back(static_cast<std::uint8_t>(i * 7));
    return content;
}

PageHeader header_at(const WalBuffer& wal, Lsn page) {
    const auto header =
        decode_page_header(ByteView(wal.bytes()).subspan(*page.bytes_since(wal.start())));
    EXPECT_TRUE(header);
    return header.value_or(PageHeader());
}

// Everything that was written, as the decoder finds it, checked against what the writer said.
void expect_records(const WalBuffer& wal,
                    const WalIdentity& identity,
                    const std::vector<WrittenRecord>& written,
                    std::size_t feed_bytes = SIZE_MAX) {
    WalDecoder decoder({.major = identity.major,
                        .segment_size = identity.segment_size,
                        .start = wal.start(),
                        .system_id = identity.system_id,
                        .timeline_min = identity.timeline});
    ByteView rest(wal.bytes());
    std::size_t found = 0;
    Lsn previous;
    while (!rest.empty()) {
        ByteView input = rest.first(std::min(feed_bytes, rest.size()));
        rest = rest.subspan(input.size());
        WalStep step{};
        while ((step = decoder.next(input)) == WalStep::record) {
            ASSERT_LT(found, written.size());
            EXPECT_EQ(decoder.record().start, written[found].start);
            EXPECT_EQ(decoder.record().end, written[found].end);
            EXPECT_EQ(decoder.record().next, written[found].next);
            EXPECT_TRUE(!previous.valid() || decoder.record().header.previous == previous);
            previous = decoder.record().start;
            ++found;
        }
        ASSERT_NE(step, WalStep::failed) << decoder.error().reason;
    }
    EXPECT_EQ(found, written.size());
}

TEST(WalWriter, WritesARecordToTheByte) {
    CheckedSink sink;
    WalWriter writer = open(sink, Lsn(0x16B9188), Lsn(0x16B9150));
    const auto content =
        logical_message_record({.prefix = "prefix", .message = as_bytes("messages")});
    const auto written = writer.append(*content);
    ASSERT_TRUE(written);
    EXPECT_EQ(written->start, Lsn(0x16B9188));
    EXPECT_EQ(written->end, Lsn(0x16B9188 + 65));
    EXPECT_EQ(written->next, Lsn(0x16B9188 + 72));
    EXPECT_EQ(writer.position().next, written->next);
    EXPECT_EQ(writer.position().previous, written->start);
    EXPECT_EQ(sink.writes, 0);
    ASSERT_TRUE(writer.flush());
    EXPECT_EQ(sink.buffer.start(), Lsn(0x16B9188));
    const auto record = encode_record(PgMajor::v15, Lsn(0x16B9188), *content, Lsn(0x16B9150));
    EXPECT_EQ(to_hex(sink.buffer.bytes()), to_hex(*record));
}

TEST(WalWriter, GoesOnAfterAFlush) {
    CheckedSink sink;
    WalWriter writer = open(sink, Lsn(mib + 64));
    std::vector<WrittenRecord> written;
    for (int i = 0; i < 500; ++i) {
        written.push_back(*writer.append(content_of(40)));
        ASSERT_TRUE(writer.flush());
        EXPECT_EQ(sink.buffer.end(), written.back().next);
    }
    const int writes = sink.writes;
    ASSERT_TRUE(writer.flush());
    EXPECT_EQ(sink.writes, writes);
    expect_records(sink.buffer, identity_of(), written);
}

TEST(WalWriter, PageHeadersTellWhatIsStillToCome) {
    CheckedSink sink;
    const Lsn start(2 * mib - 2 * page_bytes - 64);
    WalWriter writer = open(sink, start);
    const std::uint32_t body = 3 * page_bytes;
    const auto written = writer.append(content_of(body));
    ASSERT_TRUE(written);
    ASSERT_TRUE(writer.flush());

    const std::uint32_t total = body + record_header_bytes;
    const Lsn first(2 * mib - 2 * page_bytes);
    PageHeader expected;
    expected.magic = 0xD110;
    expected.info = 0x0005;
    expected.timeline = 3;
    expected.address = first;
    expected.rem_len = total - 64;
    EXPECT_EQ(header_at(sink.buffer, first), expected);

    expected.address = first + page_bytes;
    expected.rem_len -= page_bytes - short_page_header_bytes;
    EXPECT_EQ(header_at(sink.buffer, expected.address), expected);

    expected.address = Lsn(2 * mib);
    expected.rem_len -= page_bytes - short_page_header_bytes;
    expected.info = 0x0007;
    expected.system_id = system_id;
    expected.segment_bytes = mib;
    expected.block_bytes = page_bytes;
    EXPECT_EQ(header_at(sink.buffer, expected.address), expected);
    expect_records(sink.buffer, identity_of(), {*written});
}

TEST(WalWriter, RecordsMeetTheEndOfAPageAtEveryPlace) {
    for (std::uint32_t left = 8; left <= 128; left += 8) {
        for (const std::uint32_t body : {0U, 1U, 8U, 39U, 40U, 41U}) {
            SCOPED_TRACE(std::to_string(left) + " bytes left, " + std::to_string(body));
            CheckedSink sink;
            WalWriter writer = open(sink, Lsn(mib + 2 * page_bytes - left));
            const std::vector<WrittenRecord> written{*writer.append(content_of(body)),
                                                     *writer.append(content_of(body))};
            ASSERT_TRUE(writer.flush());
            for (const std::size_t feed : {std::size_t{1}, std::size_t{8}, SIZE_MAX})
                expect_records(sink.buffer, identity_of(), written, feed);
        }
    }
}

TEST(WalWriter, ARecordThatFillsAPageIsFollowedByAPageWithoutContinuation) {
    CheckedSink sink;
    WalWriter writer = open(sink, Lsn(mib + 2 * page_bytes - 64));
    const auto first = writer.append(content_of(39));
    ASSERT_TRUE(first);
    EXPECT_EQ(first->next, Lsn(mib + 2 * page_bytes));
    EXPECT_EQ(sink.writes, 1);
    EXPECT_EQ(writer.position().next, first->next);
    const auto second = writer.append(content_of(39));
    EXPECT_EQ(second->start, first->next + short_page_header_bytes);
    ASSERT_TRUE(writer.flush());
    const PageHeader header = header_at(sink.buffer, first->next);
    EXPECT_EQ(header.info, xlp_bkp_removable);
    EXPECT_EQ(header.rem_len, 0U);
    expect_records(sink.buffer, identity_of(), {*first, *second});
}

TEST(WalWriter, StartsSegmentsWithALongHeader) {
    CheckedSink sink;
    WalWriter writer = open(sink, Lsn(5 * mib), Lsn());
    const auto written = writer.append(content_of(8));
    EXPECT_EQ(written->start, Lsn(5 * mib + 40));
    ASSERT_TRUE(writer.flush());
    EXPECT_EQ(to_hex(ByteView(sink.buffer.bytes()).first(48)),
              "10d10600030000000000500000000000"
              "0000000000000000"
              "0100bc93e9fe2461"
              "00001000"
              "00200000"
              "200000002a000000");
}

TEST(WalWriter, EveryVersionAndSegmentSizeReadsBack) {
    std::mt19937 random(20261128);
    for (const PgMajor major : pg_majors) {
        for (const std::uint64_t segment_bytes : {mib, 16 * mib}) {
            SCOPED_TRACE(std::to_string(number_of(major)) + ", " + std::to_string(segment_bytes));
            const WalIdentity identity = identity_of(major, segment_bytes);
            CheckedSink sink;
            WalWriter writer = open(sink, Lsn(segment_bytes * 3 - 200'000), Lsn(8), identity);
            std::vector<WrittenRecord> written;
            while (writer.position().next < Lsn(segment_bytes * 3 + 200'000)) {
                const std::size_t bytes = random() % 100 == 0 ? 30'000 : random() % 600;
                written.push_back(*writer.append(content_of(bytes)));
            }
            ASSERT_TRUE(writer.flush());
            expect_records(sink.buffer, identity, written, 1 + random() % 10'000);
        }
    }
}

TEST(WalWriter, ARecordGoesOverSeveralSegments) {
    CheckedSink sink;
    WalWriter writer = open(sink, Lsn(2 * mib - 4096));
    const Bytes large(3 * mib, 0x5A);
    RecordContent content = content_of(3);
    content.tail = large;
    const std::vector<WrittenRecord> written{*writer.append(content),
                                             *writer.append(content_of(1))};
    ASSERT_TRUE(writer.flush());
    expect_records(sink.buffer, identity_of(), written);
    expect_records(sink.buffer, identity_of(), written, 8191);
}

TEST(WalWriter, SwitchLeavesTheRestOfTheSegmentEmpty) {
    CheckedSink sink;
    WalWriter writer = open(sink, Lsn(mib + 3 * page_bytes + 64));
    std::vector<WrittenRecord> written{*writer.append(content_of(10))};
    const auto switched = writer.append_switch();
    ASSERT_TRUE(switched && *switched);
    EXPECT_EQ((*switched)->end, (*switched)->start + 24);
    EXPECT_EQ((*switched)->next, Lsn(2 * mib));
    EXPECT_EQ(sink.buffer.end(), Lsn(2 * mib));
    const Bytes& bytes = sink.buffer.bytes();
    const auto after =
        static_cast<std::ptrdiff_t>(*(*switched)->end.bytes_since(sink.buffer.start()));
    EXPECT_TRUE(
        std::all_of(bytes.begin() + after, bytes.end(), [](auto byte) { return byte == 0; }));

    written.push_back(**switched);
    written.push_back(*writer.append(content_of(10)));
    EXPECT_EQ(written.back().start, Lsn(2 * mib + 40));
    ASSERT_TRUE(writer.flush());
    expect_records(sink.buffer, identity_of(), written);
}

TEST(WalWriter, SwitchAtTheStartOfASegmentIsNothing) {
    CheckedSink sink;
    WalWriter at_start = open(sink, Lsn(2 * mib));
    auto switched = at_start.append_switch();
    ASSERT_TRUE(switched);
    EXPECT_FALSE(*switched);
    WalWriter after_header = open(sink, Lsn(2 * mib + 40));
    switched = after_header.append_switch();
    ASSERT_TRUE(switched);
    EXPECT_FALSE(*switched);
    EXPECT_EQ(after_header.position().next, Lsn(2 * mib + 40));
    EXPECT_EQ(sink.writes, 0);
}

TEST(WalWriter, SwitchThatDoesNotFitTakesTheNextSegmentToo) {
    for (const std::uint32_t left : {8U, 16U, 24U}) {
        SCOPED_TRACE(left);
        CheckedSink sink;
        WalWriter writer = open(sink, Lsn(2 * mib - left));
        const auto switched = writer.append_switch();
        ASSERT_TRUE(switched && *switched);
        EXPECT_EQ((*switched)->next, Lsn((left == 24 ? 2 : 3) * mib));
        const auto after = writer.append(content_of(1));
        ASSERT_TRUE(writer.flush());
        expect_records(sink.buffer, identity_of(), {**switched, *after});
    }
}

TEST(WalWriter, FinishFillsTheSegment) {
    CheckedSink sink;
    WalWriter writer = open(sink, Lsn(mib + 100 * page_bytes + 64));
    const auto written = writer.append(content_of(10));
    ASSERT_TRUE(writer.finish());
    EXPECT_EQ(sink.buffer.end(), Lsn(2 * mib));
    expect_records(sink.buffer, identity_of(), {*written});
}

TEST(WalWriter, ARecordThatIsTooLongLeavesNothing) {
    CheckedSink sink;
    WalWriter writer = open(sink, Lsn(2 * mib));
    const std::uint8_t byte = 0;
    RecordContent content = content_of(0);
    content.tail = ByteView(&byte, 0x3FFFFFFF);
    const auto refused = writer.append(content);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::invalid_record_length);
    EXPECT_NE(refused.error().detail.find("0/200028"), std::string::npos) << refused.error().detail;
    const auto written = writer.append(content_of(5));
    ASSERT_TRUE(writer.flush());
    expect_records(sink.buffer, identity_of(), {*written});
}

TEST(WalWriter, FailuresOfTheSinkStay) {
    // Page, page with the end of the record, page of zeros: every call that can hit the sink.
    for (int failing = 1; failing <= 3; ++failing) {
        SCOPED_TRACE(failing);
        CheckedSink sink;
        sink.failing_write = failing;
        WalWriter writer = open(sink, Lsn(2 * mib - 3 * page_bytes + 64));
        const auto written = writer.append(content_of(page_bytes));
        EXPECT_EQ(written.has_value(), failing > 1);
        const auto switched = writer.append_switch();
        ASSERT_FALSE(switched);
        EXPECT_EQ(switched.error().detail, "no space left");
        const int writes = sink.writes;
        EXPECT_FALSE(writer.append(content_of(1)));
        EXPECT_FALSE(writer.append_switch());
        EXPECT_FALSE(writer.flush());
        EXPECT_FALSE(writer.finish());
        EXPECT_EQ(sink.writes, writes);
    }
}

TEST(WalWriter, StartsOnlyWhereARecordCan) {
    WalBuffer sink;
    for (const std::uint64_t start : {std::uint64_t{0},
                                      mib + 1,
                                      mib + 8,
                                      mib + 32,
                                      mib + page_bytes + 16,
                                      mib + page_bytes + 28}) {
        const auto writer = WalWriter::open(identity_of(), {Lsn(start), Lsn()}, sink);
        ASSERT_FALSE(writer) << start;
        EXPECT_EQ(writer.error().code, Errc::invalid_start);
        EXPECT_FALSE(write_segment_start(identity_of(), Lsn(start), sink)) << start;
    }
    for (const std::uint64_t start : {mib, mib + 40, mib + page_bytes, mib + page_bytes + 24})
        EXPECT_TRUE(WalWriter::open(identity_of(), {Lsn(start), Lsn()}, sink)) << start;
}

TEST(WalWriter, EndsBeforePositionsDo) {
    WalBuffer sink;
    WalWriter writer = open(sink, Lsn(UINT64_MAX - 7 - page_bytes), Lsn(8));
    const auto written = writer.append(content_of(1));
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code, Errc::invalid_start);
}

struct StartCase {
    const char* name;
    std::uint64_t offset;
    std::uint32_t rem_len;
};

TEST(SegmentStart, IsPassedOverByReaders) {
    constexpr StartCase cases[] = {
        {"start of the segment", 0, 0},
        {"behind the first page header", 40, 0},
        {"in the first page", 64, 24},
        {"start of a page", 5 * page_bytes, 0},
        {"behind a page header", 5 * page_bytes + 24, 0},
        {"in a page", 5 * page_bytes + 4096, 4096 - 24},
        {"end of a page", 6 * page_bytes - 8, page_bytes - 8 - 24},
    };
    for (const StartCase& each : cases) {
        SCOPED_TRACE(each.name);
        const Lsn start(7 * mib + each.offset);
        CheckedSink sink;
        ASSERT_TRUE(write_segment_start(identity_of(), start, sink));
        EXPECT_EQ(sink.buffer.bytes().size(), each.offset);
        WalWriter writer = open(sink, start, Lsn());
        const std::vector<WrittenRecord> written{*writer.append(content_of(10'000)),
                                                 *writer.append(content_of(3))};
        ASSERT_TRUE(writer.flush());

        const PageHeader first = header_at(sink.buffer, Lsn(7 * mib));
        EXPECT_TRUE(first.is_long());
        EXPECT_EQ(first.system_id, system_id);
        const Lsn page(start.value() / page_bytes * page_bytes);
        const PageHeader header = header_at(sink.buffer, page);
        EXPECT_EQ(header.rem_len, each.rem_len);
        EXPECT_EQ(header.continues_record(), each.rem_len != 0);

        WalDecoder decoder({.major = PgMajor::v15,
                            .segment_size = identity_of().segment_size,
                            .start = page,
                            .start_at = WalStart::first_record});
        ByteView input = ByteView(sink.buffer.bytes()).subspan(page.value() - 7 * mib);
        for (const WrittenRecord& record : written) {
            ASSERT_EQ(decoder.next(input), WalStep::record) << decoder.error().reason;
            EXPECT_EQ(decoder.record().start, record.start);
        }
    }
}

}  // namespace
}  // namespace sluice::pgwal
