#include "ctl/passwords.hpp"

#include "common/base/startup_error.hpp"

#include <gtest/gtest.h>

namespace sluice::ctl {
namespace {

TEST(PasswordFile, TheFirstLineCounts) {
    EXPECT_EQ(first_line_as_password("secret\nnote\n", "f").reveal(), "secret");
    EXPECT_EQ(first_line_as_password("with space \r\n", "f").reveal(), "with space ");
    EXPECT_EQ(first_line_as_password("no newline", "f").reveal(), "no newline");
}

TEST(PasswordFile, AnEmptyFirstLineIsAnError) {
    EXPECT_THROW(first_line_as_password("", "f"), StartupError);
    EXPECT_THROW(first_line_as_password("\nsecret\n", "f"), StartupError);
}

}  // namespace
}  // namespace sluice::ctl
