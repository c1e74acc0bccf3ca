#include "common/observability/log.hpp"

#include "common/base/startup_error.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <vector>

namespace sluice::log {
namespace {

// What one call writes to standard error.
template <class Action>
std::string printed(std::string_view format, Action action) {
    configure("proxy", "info", format);
    testing::internal::CaptureStderr();
    action();
    return testing::internal::GetCapturedStderr();
}

// The line with every digit of its time replaced by a 0.
std::string without_time(std::string line, std::size_t time_begin, std::size_t time_length) {
    const auto begin = line.begin() + static_cast<std::ptrdiff_t>(time_begin);
    const auto end = begin + static_cast<std::ptrdiff_t>(time_length);
    std::replace_if(
        begin, end, [](char c) { return c >= '0' && c <= '9'; }, '0');
    return line;
}

TEST(Log, TextLineHasTimeLevelContextSentenceAndFields) {
    const std::string line = printed("text", [] {
        Log()
            .with("session", 42)
            .info("link approved", {{"target", "local"}, {"by", "a b"}, {"empty", ""}});
    });
    EXPECT_EQ(without_time(line, 0, 23),
              "0000-00-00 00:00:00.000 INFO  session 42: link approved  target=local by=\"a b\" "
              "empty=\"\"\n");
}

TEST(Log, TextFromOutsideCannotForgeALine) {
    const std::string line = printed("text", [] {
        Log().warn("refused", {{"user", "x\n2026 ERROR \x1b[2J \"q\""}});
    });
    EXPECT_NE(line.find(R"(user="x\x0a2026 ERROR \x1b[2J \"q\"")"), std::string::npos) << line;
    EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
}

// A backslash in front of a quote must not end the value; escapes of ours must not be imitated.
TEST(Log, TextFromOutsideCannotForgeAField) {
    const std::string line = printed("text", [] {
        Log().warn("refused",
                   {{"user", R"(x\" level="fine)"}, {"name", R"(a\x0ab)"}, {"other", "a\nb"}});
    });
    EXPECT_NE(line.find(R"(user="x\\\" level=\"fine")"), std::string::npos) << line;
    EXPECT_NE(line.find(R"(name=a\\x0ab)"), std::string::npos) << line;
    EXPECT_NE(line.find(R"(other=a\x0ab)"), std::string::npos) << line;
}

TEST(Log, JsonLineHoldsTypedFields) {
    const std::string line = printed("json", [] {
        Log()
            .with("session", "7")
            .error("lost", {{"count", 3}, {"ok", false}, {"ratio", 0.5}, {"name", "x"}});
    });
    EXPECT_EQ(without_time(line, 9, 24),
              R"({"time":"0000-00-00T00:00:00.000Z","level":"error","service":"proxy",)"
              R"("message":"lost","session":"7","count":3,"ok":false,"ratio":0.500000,"name":"x"})"
              "\n");
}

TEST(Log, JsonEscapesEverythingThatNeedsIt) {
    const std::string line = printed("json", [] {
        Log().info("x",
                   {{"a", "q\" b\\ n\n e\x1b u\xC3\xBC"}, {"b", "bad\xFF"}, {"c", "\xE2\x80\xAE"}});
    });
    EXPECT_NE(line.find(R"("a":"q\" b\\ n\n e\u001b uü")"), std::string::npos) << line;
    EXPECT_NE(line.find(R"("b":"bad\\xff")"), std::string::npos) << line;
    EXPECT_NE(line.find(R"("c":"\u202e")"), std::string::npos) << line;
}

TEST(Log, JsonQuotesNumbersThatJsonDoesNotKnow) {
    const std::string line = printed("json", [] {
        Log().info("x", {{"a", 1.0 / 0.0 * 0.0}, {"b", -1}});
    });
    EXPECT_TRUE(line.find(R"("a":"nan")") != std::string::npos ||
                line.find(R"("a":"-nan")") != std::string::npos)
        << line;
    EXPECT_NE(line.find(R"("b":-1)"), std::string::npos) << line;
}

TEST(Log, LevelHidesWhatIsBelow) {
    configure("proxy", "warn", "text");
    EXPECT_FALSE(enabled(Level::info));
    EXPECT_TRUE(enabled(Level::warn));
    const Capture capture;
    Log().info("hidden");
    Log().warn("shown");
    EXPECT_EQ(capture.text(), "WARN shown\n");
    configure("proxy", "info", "text");
}

TEST(Log, ContextGoesToEveryLineAndNotToItsOrigin) {
    configure("proxy", "info", "text");
    const Capture capture;
    const Log plain;
    const Log both = plain.with("listener", "main").with("session", 7);
    both.info("opened", {{"peer", "::1"}});
    plain.info("closed");
    EXPECT_EQ(capture.text(), "INFO opened listener=main session=7 peer=::1\nINFO closed\n");
}

TEST(Log, InnermostCaptureReceives) {
    configure("proxy", "info", "text");
    const Capture outer;
    {
        const Capture inner;
        Log().info("one");
        EXPECT_EQ(inner.text(), "INFO one\n");
    }
    Log().info("two");
    EXPECT_EQ(outer.text(), "INFO two\n");
}

TEST(Log, ThreadsDoNotMixTheirLines) {
    configure("proxy", "info", "text");
    const Capture capture;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([] {
            for (int line = 0; line < 100; ++line) Log().info("same line", {{"value", 1}});
        });
    }
    for (std::thread& thread : threads) thread.join();
    std::string expected;
    for (int line = 0; line < 400; ++line) expected += "INFO same line value=1\n";
    EXPECT_EQ(capture.text(), expected);
}

TEST(Log, RefusesUnknownWords) {
    EXPECT_THROW(configure("proxy", "loud", "text"), StartupError);
    EXPECT_THROW(configure("proxy", "info", "xml"), StartupError);
}

}  // namespace
}  // namespace sluice::log
