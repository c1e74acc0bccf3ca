#include "common/net/backoff.hpp"

#include <gtest/gtest.h>

namespace sluice::net {
namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t least_random = 0;
constexpr std::uint64_t most_random = ~std::uint64_t(0);

Backoff::Limits limits(milliseconds first, milliseconds most) {
    Backoff::Limits made;
    made.first = first;
    made.most = most;
    return made;
}

TEST(Backoff, WaitsBetweenHalfAndAllOfADoublingTime) {
    Backoff low(limits(milliseconds(100), milliseconds(10'000)));
    Backoff high(limits(milliseconds(100), milliseconds(10'000)));

    EXPECT_EQ(low.next(least_random), milliseconds(50));
    EXPECT_EQ(low.next(least_random), milliseconds(100));
    EXPECT_EQ(low.next(least_random), milliseconds(200));
    EXPECT_EQ(high.next(most_random), milliseconds(100));
    EXPECT_EQ(high.next(most_random), milliseconds(200));
    EXPECT_EQ(high.next(most_random), milliseconds(400));
}

TEST(Backoff, StaysBelowItsBoundHoweverOftenItFails) {
    Backoff backoff(limits(milliseconds(100), milliseconds(1000)));

    for (int i = 0; i < 5000; ++i) EXPECT_LE(backoff.next(most_random), milliseconds(1000));

    EXPECT_EQ(backoff.next(least_random), milliseconds(500));
}

TEST(Backoff, BeginsAgainAfterSuccess) {
    Backoff backoff(limits(milliseconds(100), milliseconds(1000)));
    backoff.next(0);
    backoff.next(0);
    EXPECT_EQ(backoff.failures(), 2U);

    backoff.reset();

    EXPECT_EQ(backoff.failures(), 0U);
    EXPECT_EQ(backoff.next(most_random), milliseconds(100));
}

}  // namespace
}  // namespace sluice::net
