#include "common/base/secret.hpp"

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(Secret, RevealsWhatItHolds) {
    const Secret secret(std::string("pencil"));
    EXPECT_EQ(secret.reveal(), "pencil");
    EXPECT_TRUE(Secret().empty());
}

TEST(Secret, MovingWipesTheSource) {
    Secret source(std::string("pencil"));
    const Secret target(std::move(source));
    EXPECT_EQ(target.reveal(), "pencil");
    EXPECT_TRUE(source.empty());  // NOLINT(bugprone-use-after-move): that is the promise
}

TEST(Secret, AssignmentReplacesAndKeepsTheSource) {
    const Secret source(std::string("new"));
    Secret target(std::string("old"));
    target = source;
    EXPECT_EQ(target.reveal(), "new");
    EXPECT_EQ(source.reveal(), "new");
}

}  // namespace
}  // namespace sluice
