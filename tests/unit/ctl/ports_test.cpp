#include "ctl/ports.hpp"

#include "common/base/startup_error.hpp"

#include <gtest/gtest.h>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace sluice::ctl {
namespace {

bool always_free(std::uint16_t) { return true; }

TEST(ChoosePorts, TakesDefaultsWithoutWishes) {
    EXPECT_EQ(choose_ports({}, nullptr, always_free), Ports{});
}

TEST(ChoosePorts, WishesReplaceDefaults) {
    PortWishes wishes;
    wishes[0] = 6432;

    const auto ports = choose_ports(wishes, nullptr, always_free);

    EXPECT_EQ(ports.proxy, 6432);
    EXPECT_EQ(ports.postgres, Ports{}.postgres);
}

TEST(ChoosePorts, RefusesAPortThatIsWantedTwice) {
    PortWishes wishes;
    wishes[0] = Ports{}.auth;

    EXPECT_THROW(choose_ports(wishes, nullptr, always_free), StartupError);
}

TEST(ChoosePorts, SkipsCandidatesThatAreBusyOrTaken) {
    PortWishes wishes;
    wishes[1] = 102;
    std::uint16_t next = 100;
    const auto candidate = [&] { return next++; };
    const auto even = [](std::uint16_t port) { return port % 2 == 0; };

    const auto ports = choose_ports(wishes, candidate, even);

    EXPECT_EQ(ports,
              (Ports{.proxy = 100,
                     .postgres = 102,
                     .management = 104,
                     .auth = 106,
                     .proxy_admin = 108,
                     .auth_admin = 110}));
}

TEST(ChoosePorts, GivesUpWhenNothingIsFree) {
    const auto candidate = [] { return std::uint16_t{100}; };
    const auto never = [](std::uint16_t) { return false; };

    EXPECT_THROW(choose_ports({}, candidate, never), StartupError);
}

TEST(PortProblem, NoticesAnotherListener) {
    const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), length), 0);
    ASSERT_EQ(::listen(listener, 1), 0);
    ASSERT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length), 0);
    const config::HostPort busy{"127.0.0.1", ntohs(address.sin_port)};

    EXPECT_NE(port_problem(busy), std::nullopt);
    ::close(listener);
    EXPECT_EQ(port_problem(busy), std::nullopt);
}

}  // namespace
}  // namespace sluice::ctl
