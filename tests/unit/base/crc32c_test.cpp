#include "common/base/crc32c.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

namespace sluice {
namespace {

std::vector<Crc32cMethod> supported_methods() {
    std::vector<Crc32cMethod> methods;
    for (const Crc32cMethod method :
         {Crc32cMethod::portable, Crc32cMethod::sse42, Crc32cMethod::armv8})
        if (is_supported(method)) methods.push_back(method);
    return methods;
}

// The definition, bit by bit.
std::uint32_t slow_crc32c(ByteView bytes) {
    std::uint32_t crc = ~0U;
    for (const std::uint8_t byte : bytes) {
        crc ^= byte;
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0x82F63B78U : 0U);
    }
    return ~crc;
}

Bytes some_bytes(std::size_t count) {
    Bytes bytes(count);
    std::uint32_t state = 1;
    for (std::uint8_t& byte : bytes) {
        state = state * 1664525 + 1013904223;
        byte = static_cast<std::uint8_t>(state >> 24U);
    }
    return bytes;
}

// RFC 3720, B.4, and the check value of the CRC catalogues.
TEST(Crc32c, AgreesWithPublishedVectors) {
    Bytes ascending(32);
    std::iota(ascending.begin(), ascending.end(), std::uint8_t{0});
    Bytes descending(ascending.rbegin(), ascending.rend());
    for (const Crc32cMethod method : supported_methods()) {
        SCOPED_TRACE(to_string(method));
        EXPECT_EQ(crc32c_with(method, {}), 0U);
        EXPECT_EQ(crc32c_with(method, as_bytes("123456789")), 0xE3069283U);
        EXPECT_EQ(crc32c_with(method, Bytes(32, 0)), 0x8A9136AAU);
        EXPECT_EQ(crc32c_with(method, Bytes(32, 0xFF)), 0x62A8AB43U);
        EXPECT_EQ(crc32c_with(method, ascending), 0x46DD794EU);
        EXPECT_EQ(crc32c_with(method, descending), 0x113FDB5CU);
    }
}

TEST(Crc32c, IsTheSameByEveryMethodForEveryLengthAndAlignment) {
    const Bytes bytes = some_bytes(20'000);
    for (const Crc32cMethod method : supported_methods()) {
        SCOPED_TRACE(to_string(method));
        for (std::size_t length = 0; length < 700; ++length) {
            const ByteView view = ByteView(bytes).subspan(length % 9, length);
            ASSERT_EQ(crc32c_with(method, view), slow_crc32c(view)) << length;
        }
        for (const std::size_t length :
             {2999UL, 6143UL, 6144UL, 6145UL, 8168UL, 12'300UL, 19'999UL}) {
            const ByteView view = ByteView(bytes).first(length);
            ASSERT_EQ(crc32c_with(method, view), slow_crc32c(view)) << length;
        }
    }
}

TEST(Crc32c, GoesOnWhereItStopped) {
    const Bytes bytes = some_bytes(1000);
    const std::uint32_t whole = crc32c(bytes);
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
        const ByteView view(bytes);
        ASSERT_EQ(crc32c(view.subspan(cut), crc32c(view.first(cut))), whole) << cut;
    }
}

TEST(Crc32c, OfTwoPiecesIsThatOfBothInARow) {
    const Bytes bytes = some_bytes(300);
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
        const ByteView view(bytes);
        ASSERT_EQ(crc32c_of_two(view.first(cut), view.subspan(cut)), slow_crc32c(bytes)) << cut;
    }
}

TEST(Crc32c, TakesAMethodThatIsSupported) {
    const auto methods = supported_methods();
    EXPECT_NE(std::find(methods.begin(), methods.end(), crc32c_method()), methods.end());
    EXPECT_TRUE(is_supported(Crc32cMethod::portable));
}

}  // namespace
}  // namespace sluice
