#pragma once

#include "common/config/host_port.hpp"
#include "ctl/cluster_file.hpp"
#include "ctl/paths.hpp"

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::ctl {

// The programs of a cluster, in the order in which they start.
inline constexpr std::array<std::string_view, 3> part_names{"postgres", "auth", "proxy"};

// Where the programs of a cluster are, as their own configuration files say.
struct Addresses {
    config::HostPort proxy;                         // the first listener
    std::vector<config::HostPort> proxy_listeners;  // all of them
    bool proxy_uses_links = true;                   // the first listener; false: it forwards
    std::optional<config::HostPort> management;
    std::optional<config::HostPort> proxy_admin;
    config::HostPort auth;
    std::optional<config::HostPort> auth_admin;
    std::string auth_url;    // base of the API
    std::string public_url;  // of the web page
    config::HostPort postgres;
};

// Throws ConfigError.
Addresses read_addresses(const Paths& paths, const ClusterFile& cluster);

// The command that connects a client to a target; an empty `target` names none.
struct ClientCommand {
    std::string role;
    std::string database;
    std::string target;
};
std::string psql_command(const Addresses& addresses, const ClientCommand& client);

// The address to connect to for one that a server listens on: 0.0.0.0 becomes 127.0.0.1.
config::HostPort reachable(config::HostPort listen);

// Whether /readyz of that admin port answers 200; `reason` gets the text of any other answer.
bool is_ready(const config::HostPort& admin,
              std::chrono::milliseconds timeout,
              std::string& reason);

}  // namespace sluice::ctl
