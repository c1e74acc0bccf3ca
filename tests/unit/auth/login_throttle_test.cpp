#include "auth/core/login_throttle.hpp"

#include <gtest/gtest.h>

namespace sluice::auth {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

const LoginThrottle::Limits limits{5, minutes(15)};
const SteadyTime start{};

void fail_times(LoginThrottle& throttle, int count, const std::string& address) {
    for (int i = 0; i < count; ++i) {
        EXPECT_FALSE(throttle.admit("alice@example.com", address, start));
    }
}

TEST(LoginThrottle, RefusesAnEmailAfterItsFailures) {
    LoginThrottle throttle(limits);
    fail_times(throttle, 5, "192.0.2.1");
    const auto wait = throttle.admit("alice@example.com", "192.0.2.2", start + minutes(5));
    ASSERT_TRUE(wait);
    EXPECT_EQ(*wait, minutes(10));
    EXPECT_FALSE(throttle.admit("bob@example.com", "192.0.2.2", start));
}

TEST(LoginThrottle, ForgetsAfterTheWindow) {
    LoginThrottle throttle(limits);
    fail_times(throttle, 5, "192.0.2.1");
    EXPECT_FALSE(throttle.admit("alice@example.com", "192.0.2.1", start + minutes(15)));
}

TEST(LoginThrottle, RefusedAttemptsDoNotExtendTheWait) {
    LoginThrottle throttle(limits);
    fail_times(throttle, 5, "192.0.2.1");
    EXPECT_TRUE(throttle.admit("alice@example.com", "192.0.2.1", start + minutes(14)));
    EXPECT_FALSE(throttle.admit("alice@example.com", "192.0.2.1", start + minutes(15)));
}

TEST(LoginThrottle, SuccessClearsTheEmail) {
    LoginThrottle throttle(limits);
    fail_times(throttle, 5, "192.0.2.1");
    throttle.succeeded("alice@example.com", "192.0.2.1");
    fail_times(throttle, 5, "192.0.2.1");
}

TEST(LoginThrottle, RefusesAnAddressThatTriesManyNames) {
    LoginThrottle throttle(limits);
    for (int i = 0; i < 5 * LoginThrottle::address_factor; ++i) {
        EXPECT_FALSE(throttle.admit("user" + std::to_string(i) + "@x", "192.0.2.1", start));
    }
    EXPECT_TRUE(throttle.admit("next@x", "192.0.2.1", start));
    EXPECT_FALSE(throttle.admit("next@x", "192.0.2.9", start));
}

TEST(LoginThrottle, CountsAnIpv6NetworkAsOne) {
    EXPECT_EQ(throttle_source("2001:db8:1:2::1"), throttle_source("2001:db8:1:2:3:4:5:6"));
    EXPECT_NE(throttle_source("2001:db8:1:2::1"), throttle_source("2001:db8:1:3::1"));
    EXPECT_EQ(throttle_source("192.0.2.1"), "192.0.2.1");
}

}  // namespace
}  // namespace sluice::auth
