#include "proxy/limits/source_limits.hpp"

#include <gtest/gtest.h>

namespace sluice::proxy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Refusal = SourceQuota::Refusal;

TEST(SourcePrefix, IsTheAddressOrTheNetworkOf64Bits) {
    EXPECT_EQ(source_prefix("192.0.2.1"), "c0000201");
    EXPECT_NE(source_prefix("192.0.2.1"), source_prefix("192.0.2.2"));
    EXPECT_EQ(source_prefix("::ffff:192.0.2.1"), source_prefix("192.0.2.1"));
    EXPECT_EQ(source_prefix("2001:db8:1:2::1"), source_prefix("2001:db8:1:2:ffff::9"));
    EXPECT_NE(source_prefix("2001:db8:1:2::1"), source_prefix("2001:db8:1:3::1"));
    EXPECT_EQ(source_prefix(""), "local");
    EXPECT_EQ(source_prefix("unix"), "local");
}

TEST(SourceQuota, BoundsOneSourceAndLeavesOthersAlone) {
    SourceQuota quota(10, 2);
    Refusal refusal{};
    const auto first = quota.acquire("192.0.2.1", refusal);
    EXPECT_EQ(refusal, Refusal::none);
    const auto second = quota.acquire("192.0.2.1", refusal);
    EXPECT_TRUE(first && second);
    EXPECT_FALSE(quota.acquire("192.0.2.1", refusal));
    EXPECT_EQ(refusal, Refusal::source);
    EXPECT_TRUE(quota.acquire("192.0.2.2", refusal));
    EXPECT_EQ(refusal, Refusal::none);
}

TEST(SourceQuota, BoundsAllSourcesTogether) {
    SourceQuota quota(2, 2);
    Refusal refusal{};
    const auto first = quota.acquire("192.0.2.1", refusal);
    const auto second = quota.acquire("192.0.2.2", refusal);
    EXPECT_FALSE(quota.acquire("192.0.2.3", refusal));
    EXPECT_EQ(refusal, Refusal::all);
    EXPECT_EQ(quota.in_use(), 2U);
}

TEST(SourceQuota, CountsANetworkOf64BitsAsOneSource) {
    SourceQuota quota(10, 1);
    Refusal refusal{};
    const auto first = quota.acquire("2001:db8::1", refusal);
    EXPECT_FALSE(quota.acquire("2001:db8::2", refusal));
    EXPECT_TRUE(quota.acquire("2001:db8:0:1::2", refusal));
}

TEST(SourceQuota, GivesBackWhenThePermitGoes) {
    SourceQuota quota(1, 1);
    Refusal refusal{};
    {
        auto permit = quota.acquire("192.0.2.1", refusal);
        ASSERT_TRUE(permit);
        const SourceQuota::Permit moved = std::move(*permit);
        permit.reset();
        EXPECT_EQ(quota.in_use(), 1U);
    }
    EXPECT_EQ(quota.in_use(), 0U);
    EXPECT_TRUE(quota.acquire("192.0.2.1", refusal));
}

TEST(SourceQuota, MayGoBeforeItsPermits) {
    Refusal refusal{};
    std::optional<SourceQuota> quota(std::in_place, 1U, 1U);
    const auto permit = quota->acquire("192.0.2.1", refusal);
    quota.reset();
    EXPECT_TRUE(permit);
}

TEST(SourceQuota, TakesNewLimitsForThoseToCome) {
    SourceQuota quota(10, 10);
    Refusal refusal{};
    const auto first = quota.acquire("192.0.2.1", refusal);
    const auto second = quota.acquire("192.0.2.1", refusal);
    quota.set_limits(10, 1);
    EXPECT_FALSE(quota.acquire("192.0.2.1", refusal));
    EXPECT_EQ(refusal, Refusal::source);
    EXPECT_EQ(quota.in_use(), 2U);
    quota.set_limits(10, 3);
    EXPECT_TRUE(quota.acquire("192.0.2.1", refusal));
}

TEST(SourceRate, AllowsABurstAndThenTheRate) {
    SourceRate rate(2, 3);
    const SteadyTime start{seconds(1000)};
    EXPECT_TRUE(rate.allow("192.0.2.1", start));
    EXPECT_TRUE(rate.allow("192.0.2.1", start));
    EXPECT_TRUE(rate.allow("192.0.2.1", start));
    EXPECT_FALSE(rate.allow("192.0.2.1", start));
    EXPECT_FALSE(rate.allow("192.0.2.1", start + milliseconds(499)));
    EXPECT_TRUE(rate.allow("192.0.2.1", start + milliseconds(500)));
    EXPECT_FALSE(rate.allow("192.0.2.1", start + milliseconds(500)));
    EXPECT_TRUE(rate.allow("192.0.2.1", start + seconds(100)));
    EXPECT_TRUE(rate.allow("192.0.2.1", start + seconds(100)));
    EXPECT_TRUE(rate.allow("192.0.2.1", start + seconds(100)));
    EXPECT_FALSE(rate.allow("192.0.2.1", start + seconds(100)));
}

TEST(SourceRate, CountsEverySourceByItself) {
    SourceRate rate(1, 1);
    const SteadyTime start{};
    EXPECT_TRUE(rate.allow("192.0.2.1", start));
    EXPECT_FALSE(rate.allow("192.0.2.1", start));
    EXPECT_TRUE(rate.allow("192.0.2.2", start));
    EXPECT_TRUE(rate.allow("2001:db8::1", start));
    EXPECT_FALSE(rate.allow("2001:db8::2", start));
}

TEST(SourceRate, LetsNewSourcesShareABucketWhenItIsFull) {
    SourceRate rate(1, 1, 2);
    const SteadyTime start{seconds(10)};
    EXPECT_TRUE(rate.allow("192.0.2.1", start));
    EXPECT_TRUE(rate.allow("192.0.2.2", start));
    EXPECT_TRUE(rate.allow("192.0.2.3", start));   // the shared one
    EXPECT_FALSE(rate.allow("192.0.2.4", start));  // likewise
    EXPECT_FALSE(rate.allow("192.0.2.1", start));
}

TEST(SourceRate, ForgetsSourcesWhoseBucketIsEmpty) {
    SourceRate rate(1, 1, 2);
    const SteadyTime start{seconds(10)};
    EXPECT_TRUE(rate.allow("192.0.2.1", start));
    EXPECT_TRUE(rate.allow("192.0.2.2", start));
    EXPECT_TRUE(rate.allow("192.0.2.3", start + seconds(2)));
    EXPECT_TRUE(rate.allow("192.0.2.4", start + seconds(2)));
    EXPECT_FALSE(rate.allow("192.0.2.3", start + seconds(2)));
}

}  // namespace
}  // namespace sluice::proxy
