#include "ctl/table.hpp"

#include <gtest/gtest.h>

namespace sluice::ctl {
namespace {

TEST(Table, ColumnsAreAsWideAsTheirLongestCell) {
    EXPECT_EQ(format_table({{"A", "LONG", "C"}, {"wide cell", "x", ""}, {"y", "z", "w"}}),
              "A          LONG  C\n"
              "wide cell  x\n"
              "y          z     w\n");
}

TEST(Table, ControlCharactersAreShownNotSent) {
    EXPECT_EQ(format_table({{"\x1b[31m", "x"}}), "\\x1b[31m  x\n");
}

TEST(Table, CountsCharactersNotBytes) {
    EXPECT_EQ(format_table({{"é", "x"}, {"ab", "y"}}), "é   x\nab  y\n");
}

}  // namespace
}  // namespace sluice::ctl
