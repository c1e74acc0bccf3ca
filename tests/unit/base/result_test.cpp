#include "common/base/result.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace sluice {
namespace {

TEST(Result, HoldsAValue) {
    const Result<std::string> result(std::string("value"));
    ASSERT_TRUE(result);
    EXPECT_EQ(*result, "value");
    EXPECT_EQ(result->size(), 5U);
}

TEST(Result, HoldsAnError) {
    const Result<std::string> result(Error(ErrorKind::limit, "full"));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::limit);
    EXPECT_EQ(result.error().detail, "full");
}

TEST(Result, GivesUpAMoveOnlyValue) {
    Result<std::unique_ptr<int>> result(std::make_unique<int>(7));
    const std::unique_ptr<int> taken = *std::move(result);
    EXPECT_EQ(*taken, 7);
}

TEST(Result, VoidIsGoodByDefault) {
    EXPECT_TRUE(Result<void>());
    EXPECT_FALSE(Result<void>(Error(ErrorKind::internal, "x")));
}

}  // namespace
}  // namespace sluice
