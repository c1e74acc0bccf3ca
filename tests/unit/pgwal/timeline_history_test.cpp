#include "common/pgwal/timeline_history.hpp"

#include <gtest/gtest.h>

namespace sluice::pgwal {
namespace {

// As a server of 15 wrote it after its second promotion.
constexpr std::string_view file_of_3 =
    "1\t0/3000098\tno recovery target specified\n"
    "\n"
    "2\t1/5000000\tbefore 2026-11-28 04:48:08.25+00\n";

TimelineHistory history_of_3() {
    return {3,
            {{1, Lsn(0x3000098), "no recovery target specified"},
             {2, Lsn(0x105000000), "before 2026-11-28 04:48:08.25+00"}}};
}

// The error of a history of timeline 10, as "line: text".
std::string failure(std::string_view content, Errc code) {
    const auto history = parse_timeline_history(10, content);
    EXPECT_FALSE(history);
    if (history) return "";
    EXPECT_EQ(history.error().code, code);
    const Error error = history.error().to_error();
    EXPECT_EQ(error.code, code);
    EXPECT_EQ(error.kind, ErrorKind::storage);
    return error.detail;
}

TEST(TimelineHistory, IsReadAndWrittenAsServersDo) {
    const auto history = parse_timeline_history(3, file_of_3);
    ASSERT_TRUE(history) << history.error().reason;
    EXPECT_EQ(*history, history_of_3());
    const auto content = format_timeline_history(history_of_3());
    ASSERT_TRUE(content) << content.error().reason;
    EXPECT_EQ(*content, file_of_3);
}

TEST(TimelineHistory, OfTimeline1IsEmpty) {
    EXPECT_EQ(*parse_timeline_history(1, ""), (TimelineHistory{1, {}}));
    EXPECT_EQ(*format_timeline_history(TimelineHistory()), "");
}

TEST(TimelineHistory, SkipsCommentsAndBlankLines) {
    const auto history = parse_timeline_history(3,
                                                "# written by hand\n"
                                                "\n"
                                                " \t \r\n"
                                                "  # indented\n"
                                                "  1  \t 0/3000098 \n"
                                                "2\t1/5000000\tends without a line feed");
    ASSERT_TRUE(history) << history.error().reason;
    EXPECT_EQ(
        *history,
        (TimelineHistory{
            3, {{1, Lsn(0x3000098), ""}, {2, Lsn(0x105000000), "ends without a line feed"}}}));
}

TEST(TimelineHistory, TakesLineEndsOfWindows) {
    const auto history = parse_timeline_history(2, "1\t0/3000098\twhy\r\n");
    ASSERT_TRUE(history) << history.error().reason;
    EXPECT_EQ(history->ancestors[0].reason, "why");
}

TEST(TimelineHistory, NamesTheLineThatIsInvalid) {
    EXPECT_EQ(failure("\n# x\none 0/1\n", Errc::invalid_history_line),
              "line 3: \"one\" is not a timeline");
    EXPECT_EQ(failure("1\t0/1\n2\n", Errc::invalid_history_line),
              "line 2: \"\" is not a position like 0/3000098");
    EXPECT_EQ(failure("1\t3000098\twhy", Errc::invalid_history_line),
              "line 1: \"3000098\" is not a position like 0/3000098");
    EXPECT_EQ(failure("1\t0/1\n0\t0/2", Errc::invalid_history_line),
              "line 2: \"0\" is not a timeline");
    for (const char* line : {"1 0/0",
                             "1 0/1x",
                             "1 0x0/1",
                             "1 0/123456789",
                             "1 /1",
                             "1 0/",
                             "-1 0/1",
                             "+1 0/1",
                             "4294967296 0/1",
                             "99999999999999999999 0/1",
                             "1,0/1",
                             "1 0 / 1"}) {
        SCOPED_TRACE(line);
        EXPECT_NE(failure(line, Errc::invalid_history_line), "");
    }
    EXPECT_EQ(failure(std::string_view("1\t0/1\ta\0b\n", 10), Errc::invalid_history_line),
              "line 1: a NUL byte");
}

TEST(TimelineHistory, NamesTheLineThatIsOutOfOrder) {
    EXPECT_EQ(failure("1\t0/1\n1\t0/2\n", Errc::history_out_of_order),
              "line 2: timeline 1 after timeline 1");
    EXPECT_EQ(failure("3\t0/1\n\n2\t0/2\n", Errc::history_out_of_order),
              "line 3: timeline 2 after timeline 3");
    EXPECT_EQ(failure("10\t0/1\n", Errc::history_out_of_order),
              "line 1: timeline 10 cannot be an ancestor of timeline 10");
    EXPECT_EQ(failure("11\t0/1\n", Errc::history_out_of_order),
              "line 1: timeline 11 cannot be an ancestor of timeline 10");
    EXPECT_EQ(failure("1\t0/20\n2\t0/18\n", Errc::history_out_of_order),
              "line 2: timeline 2 ends at 0/18, before it begins at 0/20");
    EXPECT_TRUE(parse_timeline_history(10, "1\t0/20\n2\t0/20\n"));
}

TEST(TimelineHistory, LinesAreAsLongAsAServerReads) {
    const std::string start = "1\t0/1\t";
    const std::string longest = start + std::string(history_line_bytes_max - start.size(), 'x');
    EXPECT_TRUE(parse_timeline_history(10, longest + "\n"));
    EXPECT_EQ(failure("\n" + longest + "x\n", Errc::history_line_too_long),
              "line 2: more than 1022 bytes");
    EXPECT_EQ(failure("#" + longest, Errc::history_line_too_long), "line 1: more than 1022 bytes");
}

TEST(TimelineHistory, WritesNothingThatReadsDifferently) {
    struct Case {
        const char* name;
        TimelineAncestor ancestor;
        Errc code;
    };
    const Case cases[] = {
        {"line feed", {2, Lsn(9), "a\nb"}, Errc::invalid_history_line},
        {"NUL", {2, Lsn(9), std::string("a\0b", 3)}, Errc::invalid_history_line},
        {"blank before", {2, Lsn(9), " a"}, Errc::invalid_history_line},
        {"blank after", {2, Lsn(9), "a\t"}, Errc::invalid_history_line},
        {"too long", {2, Lsn(9), std::string(1022, 'x')}, Errc::history_line_too_long},
        {"timeline 0", {0, Lsn(9), ""}, Errc::invalid_history_line},
        {"0/0", {2, Lsn(), ""}, Errc::invalid_history_line},
        {"same timeline", {1, Lsn(9), ""}, Errc::history_out_of_order},
        {"not an ancestor", {3, Lsn(9), ""}, Errc::history_out_of_order},
        {"goes back", {2, Lsn(4), ""}, Errc::history_out_of_order},
    };
    for (const Case& each : cases) {
        SCOPED_TRACE(each.name);
        TimelineHistory history{3, {{1, Lsn(8), "first"}}};
        ASSERT_TRUE(format_timeline_history(history));
        history.ancestors.push_back(each.ancestor);
        const auto content = format_timeline_history(history);
        ASSERT_FALSE(content);
        EXPECT_EQ(content.error().code, each.code);
        EXPECT_EQ(content.error().line, 2U);
    }
}

TEST(TimelineHistory, TellsWhereAPositionIs) {
    const TimelineHistory history = history_of_3();
    EXPECT_EQ(history.timeline_of(Lsn(1)), 1U);
    EXPECT_EQ(history.timeline_of(Lsn(0x3000097)), 1U);
    EXPECT_EQ(history.timeline_of(Lsn(0x3000098)), 2U);
    EXPECT_EQ(history.timeline_of(Lsn(0x105000000)), 3U);
    EXPECT_EQ(history.timeline_of(Lsn(UINT64_MAX)), 3U);
    EXPECT_EQ(history.begin_of(1), Lsn());
    EXPECT_EQ(history.end_of(1), Lsn(0x3000098));
    EXPECT_EQ(history.begin_of(2), Lsn(0x3000098));
    EXPECT_EQ(history.end_of(2), Lsn(0x105000000));
    EXPECT_EQ(history.begin_of(3), Lsn(0x105000000));
    EXPECT_EQ(history.end_of(3), std::nullopt);
    EXPECT_EQ(history.begin_of(4), std::nullopt);
}

TEST(TimelineHistoryName, HasEightDigits) {
    EXPECT_EQ(history_file_name(3), "00000003.history");
    EXPECT_EQ(history_file_name(0xFFFFFFFF), "FFFFFFFF.history");
    EXPECT_EQ(*parse_history_file_name("0000ABCD.history"), 0xABCDU);
    EXPECT_EQ(*parse_history_file_name("FFFFFFFF.history"), 0xFFFFFFFFU);
}

TEST(TimelineHistoryName, OthersAreRefused) {
    for (const char* name : {"",
                             "00000003",
                             "00000000.history",
                             "0000000a.history",
                             "3.history",
                             "000000003.history",
                             "00000003.history.done",
                             "00000003_history",
                             "0000000G.history",
                             "0x000003.history"}) {
        SCOPED_TRACE(name);
        const auto timeline = parse_history_file_name(name);
        ASSERT_FALSE(timeline);
        EXPECT_EQ(timeline.error().code, Errc::invalid_history_name);
    }
}

}  // namespace
}  // namespace sluice::pgwal
