#include "common/base/spelling.hpp"

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(ClosestWord, FindsWhatASlipMeant) {
    const std::set<std::string> known{"status", "up", "user", "target"};

    EXPECT_EQ(closest_word("stauts", known), "status");
    EXPECT_EQ(closest_word("targt", known), "target");
    EXPECT_EQ(closest_word("usr", known), "user");
    EXPECT_EQ(closest_word("elephant", known), "");
    EXPECT_EQ(closest_word("xx", known), "") << "shares nothing with 'up'";
    EXPECT_EQ(closest_word("status", {}), "");
}

}  // namespace
}  // namespace sluice
