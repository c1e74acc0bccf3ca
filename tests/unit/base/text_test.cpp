#include "common/base/text.hpp"

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(Printable, KeepsOrdinaryText) {
    EXPECT_EQ(printable("psql \"x\""), "psql \"x\"");
    EXPECT_EQ(printable("Grüße 你好 😀"), "Grüße 你好 😀");
}

TEST(Printable, EscapesWhatMovesTheCursorOrTheDirection) {
    EXPECT_EQ(printable("a\x1b[2Jb"), "a\\x1b[2Jb");
    EXPECT_EQ(printable("a\r\nb\t\x7f"), "a\\x0d\\x0ab\\x09\\x7f");
    EXPECT_EQ(printable("\xC2\x9B"), "\\xc2\\x9b");           // C1: CSI
    EXPECT_EQ(printable("\xE2\x80\xAE"), "\\xe2\\x80\\xae");  // right-to-left override
    EXPECT_EQ(printable("\xE2\x81\xA6"), "\\xe2\\x81\\xa6");  // left-to-right isolate
    EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\\x00b");
}

TEST(Printable, EscapesInvalidUtf8) {
    EXPECT_EQ(printable("a\xFF"), "a\\xff");
    EXPECT_EQ(printable("\xC0\xAF"), "\\xc0\\xaf");           // overlong
    EXPECT_EQ(printable("\xED\xA0\x80"), "\\xed\\xa0\\x80");  // surrogate
    EXPECT_EQ(printable("\xE4\xBD"), "\\xe4\\xbd");           // cut off
}

TEST(Printable, CutsLongText) {
    EXPECT_EQ(printable("abcdef", 3), "abc...");
    EXPECT_EQ(printable("abc", 3), "abc");
}

TEST(Utf8, AcceptsWellFormedText) {
    EXPECT_TRUE(is_utf8(""));
    EXPECT_TRUE(is_utf8("Grüße 😀"));
    EXPECT_TRUE(is_utf8("\xF4\x8F\xBF\xBF"));
}

TEST(Utf8, RefusesMalformedText) {
    for (const char* text : {"\x80",
                             "\xC2",
                             "\xC1\xBF",
                             "\xE0\x80\x80",
                             "\xED\xBF\xBF",
                             "\xF0\x80\x80\x80",
                             "\xF4\x90\x80\x80",
                             "\xF5\x80\x80\x80"}) {
        SCOPED_TRACE(printable(text));
        EXPECT_FALSE(is_utf8(text));
    }
}

TEST(Case, IgnoresAsciiCaseOnly) {
    EXPECT_TRUE(equal_ignoring_case("Content-Type", "content-tYPE"));
    EXPECT_FALSE(equal_ignoring_case("a", "ab"));
    EXPECT_EQ(to_lower("ÄBC"), "Äbc");
}

}  // namespace
}  // namespace sluice
