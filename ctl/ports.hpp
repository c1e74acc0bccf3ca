#pragma once

#include "common/config/host_port.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::ctl {

// The ports of a cluster; all on the loopback interface.
struct Ports {
    std::uint16_t proxy = 5440;
    std::uint16_t postgres = 5441;
    std::uint16_t management = 7000;
    std::uint16_t auth = 8480;
    std::uint16_t proxy_admin = 9440;
    std::uint16_t auth_admin = 9480;

    bool operator==(const Ports&) const = default;
};

struct PortField {
    std::string_view name;    // in cluster.yaml
    std::string_view option;  // of sluicectl up
    std::string_view use;     // for people
    std::uint16_t Ports::*member;
};
inline constexpr std::array<PortField, 6> port_fields{{
    {"proxy", "--proxy-port", "clients of sluice-proxy", &Ports::proxy},
    {"postgres", "--postgres-port", "PostgreSQL", &Ports::postgres},
    {"management", "--management-port", "management port of sluice-proxy", &Ports::management},
    {"auth", "--auth-port", "web page and API of sluice-auth", &Ports::auth},
    {"proxy_admin", "--proxy-admin-port", "metrics of sluice-proxy", &Ports::proxy_admin},
    {"auth_admin", "--auth-admin-port", "metrics of sluice-auth", &Ports::auth_admin},
}};

// One per port_fields: what the command line asked for.
using PortWishes = std::array<std::optional<std::uint16_t>, port_fields.size()>;

// Wishes first, then defaults, or with `next_candidate` the first of its ports that `is_free`
// accepts. Throws StartupError for a port wished twice and when no free port turns up.
Ports choose_ports(const PortWishes& wishes,
                   const std::function<std::uint16_t()>& next_candidate,
                   const std::function<bool(std::uint16_t)>& is_free);

// A random port below the range from which the kernel takes those of outgoing connections.
std::uint16_t random_port();

// Why nothing can listen there now; nullopt when it can (or when the host is not a literal address).
std::optional<std::string> port_problem(const config::HostPort& address);

}  // namespace sluice::ctl
