#include "backend/protocol/message_limits.hpp"

#include <gtest/gtest.h>

namespace sluice::pg {
namespace {

TEST(MessageLimits, DifferByPhase) {
    const MessageLimits limits = {1, 2, 3};
    EXPECT_EQ(body_bytes_max(limits, Phase::authentication), 1U);
    EXPECT_EQ(body_bytes_max(limits, Phase::established), 2U);
    EXPECT_EQ(body_bytes_max(limits, Phase::copy), 3U);
}

TEST(MessageLimits, AllowLessBeforeAuthentication) {
    const MessageLimits limits;
    EXPECT_EQ(body_bytes_max(limits, Phase::authentication), 65536U);
    EXPECT_LT(limits.authentication_bytes_max, limits.message_bytes_max);
}

}  // namespace
}  // namespace sluice::pg
