#include "ctl/log_line.hpp"

#include <gtest/gtest.h>

namespace sluice::ctl {
namespace {

TEST(ReadableLogLine, IsTimeLevelSentenceAndFields) {
    EXPECT_EQ(readable_log_line(
                  R"({"time":"2026-01-02T03:04:05.678Z","level":"info","service":"proxy",)"
                  R"("message":"link shown","conn":7,"client":"127.0.0.1","detail":"a b","x":""})"),
              "2026-01-02 03:04:05.678Z INFO  link shown  conn=7 client=127.0.0.1 "
              "detail=\"a b\" x=\"\"");
}

TEST(ReadableLogLine, LeavesOtherLinesAndIsSafeForATerminal) {
    for (const char* line : {"2026-01-02 LOG:  ready", "", "{", "{}", "[1]", "==> proxy.log <=="}) {
        EXPECT_EQ(readable_log_line(line), line);
    }
    EXPECT_EQ(readable_log_line("\x1b[31mred"), "\\x1b[31mred");
    EXPECT_EQ(readable_log_line(R"({"time":"t","level":"warn","message":"a\u001b[31m"})"),
              "t WARN  a\\x1b[31m");
}

}  // namespace
}  // namespace sluice::ctl
