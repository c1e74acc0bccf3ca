#include "proxy/cancel/cancel_registry.hpp"

#include <gtest/gtest.h>

namespace sluice::proxy {
namespace {

std::shared_ptr<const ComputeAddress> compute(std::string host) {
    return std::make_shared<const ComputeAddress>(ComputeAddress{std::move(host), 5432, nullptr});
}

pg::BackendKey backend_key(std::uint32_t pid, std::uint8_t filler) {
    return {pid, Bytes(4, filler)};
}

TEST(CancelRegistry, LeadsFromTheKeyOfTheClientToTheOneOfTheCompute) {
    CancelRegistry registry;
    const auto registration = registry.add(compute("db"), backend_key(4711, 9), 4);
    EXPECT_EQ(registration.pid(), 4711U);
    EXPECT_EQ(registration.key().size(), 4U);
    const auto target = registry.find({4711, registration.key()});
    ASSERT_TRUE(target);
    EXPECT_EQ(target->compute->host, "db");
    EXPECT_EQ(target->request.pid, 4711U);
    EXPECT_EQ(target->request.key, Bytes(4, 9));
}

TEST(CancelRegistry, MakesKeysOfTheSizeAskedFor) {
    CancelRegistry registry;
    const auto registration = registry.add(compute("db"), backend_key(1, 9), 32);
    EXPECT_EQ(registration.key().size(), 32U);
    EXPECT_TRUE(registry.find({1, registration.key()}));
}

TEST(CancelRegistry, ComparesPidAndTheWholeKey) {
    CancelRegistry registry;
    const auto registration = registry.add(compute("db"), backend_key(1, 9), 32);
    Bytes shorter = registration.key();
    shorter.pop_back();
    Bytes longer = registration.key();
    longer.push_back(0);
    Bytes other = registration.key();
    other.back() ^= 1U;
    EXPECT_FALSE(registry.find({2, registration.key()}));
    EXPECT_FALSE(registry.find({1, shorter}));
    EXPECT_FALSE(registry.find({1, longer}));
    EXPECT_FALSE(registry.find({1, other}));
    EXPECT_FALSE(registry.find({1, {}}));
    EXPECT_FALSE(registry.find({1, Bytes(4, 9)})) << "the compute's own key";
}

TEST(CancelRegistry, TellsTheSamePidOfTwoComputesApart) {
    CancelRegistry registry;
    auto first = registry.add(compute("a"), backend_key(1, 1), 4);
    const auto second = registry.add(compute("b"), backend_key(1, 2), 4);
    EXPECT_EQ(registry.size(), 2U);
    EXPECT_EQ(registry.find({1, first.key()})->compute->host, "a");
    EXPECT_EQ(registry.find({1, second.key()})->compute->host, "b");
    const Bytes first_key = first.key();
    first = CancelRegistry::Registration();
    EXPECT_FALSE(registry.find({1, first_key}));
    EXPECT_EQ(registry.find({1, second.key()})->compute->host, "b");
}

TEST(CancelRegistry, ForgetsWithTheRegistration) {
    CancelRegistry registry;
    {
        auto registration = registry.add(compute("a"), backend_key(1, 1), 4);
        const auto moved = std::move(registration);
        EXPECT_EQ(registry.size(), 1U);
        EXPECT_TRUE(registry.find({1, moved.key()}));
    }
    EXPECT_EQ(registry.size(), 0U);
}

TEST(CancelRegistry, ReleasesTheOldRegistrationWhenANewOneIsAssigned) {
    CancelRegistry registry;
    auto registration = registry.add(compute("a"), backend_key(1, 1), 4);
    registration = registry.add(compute("a"), backend_key(2, 1), 4);
    EXPECT_EQ(registry.size(), 1U);
    EXPECT_EQ(registration.pid(), 2U);
    EXPECT_TRUE(registry.find({2, registration.key()}));
}

TEST(CancelRegistry, MayGoBeforeItsRegistrations) {
    std::optional<CancelRegistry> registry(std::in_place);
    const auto registration = registry->add(compute("a"), backend_key(1, 1), 4);
    registry.reset();
    EXPECT_EQ(registration.pid(), 1U);
}

TEST(CancelRegistry, KeepsTheAddressThatWasFoundAlive) {
    CancelRegistry registry;
    auto registration = registry.add(compute("a"), backend_key(1, 1), 4);
    const auto target = registry.find({1, registration.key()});
    registration = CancelRegistry::Registration();
    EXPECT_EQ(target->compute->host, "a");
}

}  // namespace
}  // namespace sluice::proxy
