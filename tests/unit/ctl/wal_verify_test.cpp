#include "ctl/wal_verify.hpp"

#include "tests/unit/ctl/wal_folder.hpp"

#include <algorithm>

namespace sluice::ctl {
namespace {

using Kind = WalProblem::Kind;

constexpr const char* third = "000000010000000000000003";
constexpr const char* fourth = "000000010000000000000004";
constexpr const char* fifth = "000000010000000000000005";
constexpr const char* sixth = "000000010000000000000006";

TimelineReport verify(const WalFolder& folder, std::uint32_t timeline = 1, bool archive = false) {
    const auto files = WalFiles::load_folder(folder.path());
    EXPECT_TRUE(files) << files.error().message();
    VerifySettings settings;
    settings.archive = archive;
    auto report = verify_timeline(*files, timeline, settings);
    EXPECT_TRUE(report) << report.error().message();
    return std::move(*report);
}

void expect_problem(const TimelineReport& report, Kind kind, Lsn lsn, const std::string& text) {
    ASSERT_TRUE(report.problem) << report.end_reason;
    EXPECT_EQ(to_string(report.problem->kind), to_string(kind));
    EXPECT_EQ(report.problem->lsn.to_string(), lsn.to_string());
    EXPECT_NE(report.problem->text.find(text), std::string::npos) << report.problem->text;
}

TEST(WalVerify, FindsSoundWalSound) {
    WalFolder folder;
    const auto records = folder.write_messages(25);

    const auto report = verify(folder);

    EXPECT_FALSE(report.problem);
    EXPECT_EQ(report.segments, 3U);
    EXPECT_EQ(report.segments_ahead, 0U);
    EXPECT_EQ(report.records, 25U);
    EXPECT_EQ(report.begin, Lsn(3 * mib));
    EXPECT_EQ(report.end, records.back().next);
}

TEST(WalVerify, KnowsSegmentsThatTheServerMadeAhead) {
    WalFolder folder;
    folder.write_messages(15);
    folder.write(fifth, folder.read(third));  // an old one under a new name
    folder.write(sixth, std::string(mib, '\0'));

    const auto report = verify(folder);

    EXPECT_FALSE(report.problem);
    EXPECT_EQ(report.segments, 4U);
    EXPECT_EQ(report.segments_ahead, 2U);
}

TEST(WalVerify, NamesTheFirstGap) {
    WalFolder folder;
    folder.write_messages(45);  // segments 3 to 7
    folder.remove(fifth);

    expect_problem(verify(folder), Kind::gap, Lsn(5 * mib), std::string(fifth) + " is missing");

    folder.remove(fourth);
    expect_problem(verify(folder),
                   Kind::gap,
                   Lsn(4 * mib),
                   std::string(fourth) + " to " + fifth + " are missing");
}

TEST(WalVerify, FindsAFlippedBit) {
    WalFolder folder;
    const auto records = folder.write_messages(25);
    auto bytes = folder.read(fourth);
    const auto& hit = records.at(14);
    bytes[hit.start.value() - 4 * mib + 500] ^= 1;
    folder.write(fourth, bytes);

    const auto report = verify(folder);

    expect_problem(report, Kind::damage, hit.start, "checksum");
    EXPECT_EQ(report.records, 14U);
}

TEST(WalVerify, FindsZerosInTheMiddle) {
    WalFolder folder;
    const auto records = folder.write_messages(25);
    auto bytes = folder.read(fourth);
    const auto from = records.at(14).start.value() - 4 * mib;
    std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(from), bytes.end(), '\0');
    folder.write(fourth, bytes);

    expect_problem(verify(folder),
                   Kind::damage,
                   records.at(14).start,
                   "the WAL goes on behind it at " + Lsn(5 * mib).to_string());
}

TEST(WalVerify, TakesARecordThatACrashCutForTheEnd) {
    WalFolder folder;
    const auto records = folder.write_messages(15);
    auto bytes = folder.read(fourth);
    const auto cut = records.back().start.value() / 8192 * 8192 + 3 * 8192 - 4 * mib;
    std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(cut), bytes.end(), '\0');
    folder.write(fourth, bytes);

    const auto report = verify(folder);

    EXPECT_FALSE(report.problem) << report.problem->text;
    EXPECT_EQ(report.end, records.back().start);
    EXPECT_EQ(report.records, 14U);
}

TEST(WalVerify, FindsAFileThatIsTooShort) {
    WalFolder folder;
    folder.write_messages(25);
    const auto whole = folder.read(fifth);
    folder.write(fifth, whole.substr(0, mib / 2));
    expect_problem(verify(folder), Kind::damage, Lsn(5 * mib), "524288 instead of 1048576 bytes");

    folder.remove(fifth);
    folder.write(std::string(fifth) + ".partial", whole.substr(0, mib * 3 / 4));
    EXPECT_FALSE(verify(folder).problem);
}

TEST(WalVerify, WantsTheSegmentsOfAnArchiveUsedToTheirEnd) {
    WalFolder folder;
    const auto records = folder.write_messages(25);
    EXPECT_FALSE(verify(folder).problem);
    expect_problem(
        verify(folder, 1, true), Kind::damage, records.back().next, "archived as complete");

    folder.rename(fifth, std::string(fifth) + ".partial");
    const auto report = verify(folder, 1, true);
    EXPECT_FALSE(report.problem);
    EXPECT_TRUE(report.partial);

    folder.remove(std::string(fifth) + ".partial");
    EXPECT_FALSE(verify(folder, 1, true).problem);
}

TEST(WalVerify, OnlyFilesMadeAheadAreNotSound) {
    WalFolder folder;
    folder.write_messages(5);
    folder.rename(third, sixth);
    expect_problem(verify(folder), Kind::damage, Lsn(6 * mib), "holds no WAL: ");
}

TEST(WalVerify, AnArchiveHasNoFilesMadeAhead) {
    WalFolder folder;
    folder.write_messages(25);
    auto damaged = folder.read(fifth);
    for (std::size_t page = 0; page < damaged.size(); page += 8192) damaged[page] ^= 1;
    folder.write(fifth, damaged);
    folder.remove(fourth);
    EXPECT_FALSE(verify(folder).problem);
    expect_problem(
        verify(folder, 1, true), Kind::gap, Lsn(4 * mib), std::string(fourth) + " is missing");
}

TEST(WalVerify, FindsWalBehindADamagedFirstPage) {
    WalFolder folder;
    folder.write_messages(35);
    folder.remove(fourth);
    auto damaged = folder.read(fifth);
    damaged[0] ^= 1;
    folder.write(fifth, damaged);
    expect_problem(verify(folder), Kind::gap, Lsn(4 * mib), std::string(fourth) + " is missing");
}

TEST(WalVerify, APartialSegmentIsTheLast) {
    WalFolder folder;
    folder.write_messages(25);
    folder.rename(fourth, std::string(fourth) + ".partial");
    expect_problem(verify(folder), Kind::gap, Lsn(4 * mib), "only as .partial");
}

// As pg_receivewal leaves it while a long record arrives.
TEST(WalVerify, AnArchiveMayEndWithinARecordOfAPartialSegment) {
    WalFolder folder;
    const auto records = folder.write_messages(15);
    const auto crossing = std::find_if(records.begin(), records.end(), [](const auto& record) {
        return record.start < Lsn(4 * mib) && record.next > Lsn(4 * mib);
    });
    ASSERT_NE(crossing, records.end());
    auto bytes = folder.read(fourth);
    std::fill(bytes.begin() + 8192, bytes.end(), '\0');
    folder.remove(fourth);
    folder.write(std::string(fourth) + ".partial", bytes);

    const auto report = verify(folder, 1, true);

    EXPECT_FALSE(report.problem) << report.problem->text;
    EXPECT_EQ(report.end, crossing->start);
}

// A promoted server takes old segments of the timeline before under names of its own.
TEST(WalVerify, PagesOfAnotherTimelineAreNoWalBehindTheEnd) {
    WalFolder folder;
    folder.write_messages(35);  // timeline 1, whose segments are recycled
    folder.write("000000020000000000000005", folder.read(fifth));
    folder.write("000000020000000000000006", folder.read(sixth));
    folder.write_messages(15, 2);
    folder.write("00000002.history", "1\t0/380000\tno recovery target specified\n");

    const auto report = verify(folder, 2);

    EXPECT_FALSE(report.problem) << report.problem->text;
    EXPECT_EQ(report.segments_ahead, 2U);
}

TEST(WalVerify, ReadsTheLastTimelineThatThereIs) {
    WalFolder folder;
    folder.write_messages(5, 0xFFFFFFFF);
    EXPECT_EQ(verify(folder, 0xFFFFFFFF).records, 5U);
}

TEST(WalVerify, TellsThatAFileVanished) {
    WalFolder folder;
    folder.write_messages(25);
    const auto files = WalFiles::load_folder(folder.path());
    ASSERT_TRUE(files);
    folder.remove(fourth);

    const auto report = verify_timeline(*files, 1, {});

    ASSERT_FALSE(report);
    EXPECT_NE(report.error().message().find(std::string(fourth) + " changed while"),
              std::string::npos)
        << report.error().message();
}

TEST(WalVerify, AcceptsAnArchiveThatEndsWithASwitch) {
    WalFolder folder;
    pgwal::WalBuffer wal;
    auto writer = pgwal::WalWriter::open(WalFolder::identity(), {Lsn(3 * mib), Lsn(0x2FFF00)}, wal);
    ASSERT_TRUE(writer);
    ASSERT_TRUE(writer->append(*pgwal::logical_message_record({.prefix = "test"})));
    ASSERT_TRUE(writer->append_switch());
    folder.write_segments(wal, 1);

    const auto report = verify(folder, 1, true);

    EXPECT_FALSE(report.problem) << report.problem->text;
    EXPECT_EQ(report.end, Lsn(4 * mib));
    EXPECT_EQ(report.records, 2U);
}

TEST(WalVerify, WantsAHistoryThatFits) {
    WalFolder folder;
    folder.write_messages(15);
    folder.write_messages(25, 2);
    expect_problem(verify(folder, 2), Kind::history, Lsn(3 * mib), "00000002.history is missing");

    folder.write("00000002.history", "1\t0/380000\tno recovery target specified\n");
    EXPECT_FALSE(verify(folder, 2).problem);
    EXPECT_FALSE(verify(folder, 1).problem);

    folder.write("00000002.history", "1\t0/480000\tno recovery target specified\n");
    expect_problem(
        verify(folder, 2), Kind::history, Lsn(3 * mib), "is from before the timeline began");
}

TEST(WalVerify, FindsAGapBetweenTimelines) {
    WalFolder folder;
    folder.write_messages(35);
    folder.write_messages(35, 2);
    folder.write("00000002.history", "1\t0/480000\tno recovery target specified\n");
    folder.remove("000000020000000000000003");
    EXPECT_FALSE(verify(folder, 2).problem);

    folder.remove("000000020000000000000004");
    expect_problem(
        verify(folder, 2), Kind::gap, Lsn(4 * mib), "000000020000000000000004 is missing");

    const auto end = verify(folder, 1).end;
    folder.write("00000002.history", "1\t0/880000\tno recovery target specified\n");
    expect_problem(verify(folder, 1), Kind::history, end, "timeline 2 begins at 0/880000");
}

TEST(WalVerify, TellsWhereItStands) {
    WalFolder folder;
    folder.write_messages(25);
    const auto files = WalFiles::load_folder(folder.path());
    ASSERT_TRUE(files);
    std::vector<std::size_t> seen;
    VerifySettings settings;
    settings.progress = [&seen](std::uint32_t timeline, std::size_t read, std::size_t of) {
        EXPECT_EQ(timeline, 1U);
        EXPECT_EQ(of, 3U);
        seen.push_back(read);
    };

    ASSERT_TRUE(verify_timeline(*files, 1, settings));

    EXPECT_EQ(seen, (std::vector<std::size_t>{1, 2, 3}));
}

}  // namespace
}  // namespace sluice::ctl
