#include "common/pgwal/version.hpp"

#include "common/pgwal/errc.hpp"
#include "common/pgwal/layouts.hpp"

#include <gtest/gtest.h>

namespace sluice::pgwal {
namespace {

TEST(Version, KnowsTheMagicOfEveryMajor) {
    EXPECT_EQ(page_magic(PgMajor::v14), 0xD10D);
    EXPECT_EQ(page_magic(PgMajor::v15), 0xD110);
    EXPECT_EQ(page_magic(PgMajor::v16), 0xD113);
    EXPECT_EQ(page_magic(PgMajor::v17), 0xD116);
    EXPECT_EQ(page_magic(PgMajor::v18), 0xD118);
}

TEST(Version, IsFoundByNumberVersionNumAndMagic) {
    for (const PgMajor major : pg_majors) {
        const unsigned number = number_of(major);
        EXPECT_EQ(*load_major(number), major);
        EXPECT_EQ(*load_major_of_version_num(number * 10000), major);
        EXPECT_EQ(*load_major_of_version_num(number * 10000 + 9999), major);
        EXPECT_EQ(*load_major_of_page_magic(page_magic(major)), major);
        EXPECT_EQ(layout_of(major).major, major);
    }
}

TEST(Version, AnUnknownOneIsAnErrorThatNamesIt) {
    for (const auto number : {0UL, 13UL, 19UL, 1UL << 40U}) {
        const auto major = load_major(number);
        ASSERT_FALSE(major);
        EXPECT_EQ(major.error().code, Errc::unsupported_version);
        EXPECT_NE(major.error().detail.find(std::to_string(number)), std::string::npos);
    }
    const auto by_version_num = load_major_of_version_num(130022);
    ASSERT_FALSE(by_version_num);
    EXPECT_EQ(by_version_num.error().detail, "PostgreSQL version 130022 is not one of 14 to 18");
    const auto by_magic = load_major_of_page_magic(0xD10A);
    ASSERT_FALSE(by_magic);
    EXPECT_EQ(by_magic.error().detail,
              "the PostgreSQL version of WAL with page magic 0xD10A is not one of 14 to 18");
}

}  // namespace
}  // namespace sluice::pgwal
