#pragma once

#include "common/config/host_port.hpp"
#include "common/config/service_config.hpp"
#include "common/net/tls_context.hpp"
#include "proxy/routing/allow_list.hpp"

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::proxy {

// One address that clients connect to.
struct ListenerConfig {
    enum class Auth {
        link,     // a person approves in the browser, sluice-auth names the compute
        forward,  // the compute named here authenticates; the dialogue passes unchanged
    };
    std::string name;
    config::HostPort listen;
    std::optional<net::TlsServerContext::Files> tls;
    bool tls_required = true;  // only with tls; cancel requests may still come in clear
    Auth auth = Auth::link;
    std::string compute;  // forward: name of a compute
};

// A PostgreSQL server that a forward listener leads to.
struct ComputeConfig {
    std::string name;
    std::string host;  // name, address, or folder of a Unix socket
    std::uint16_t port = 5432;
    net::TlsMode tls = net::TlsMode::disable;
    std::optional<std::filesystem::path> ca;
};

// The port on which sluice-auth (or Neon's console) tells how a link session ended.
struct ManagementConfig {
    enum class Auth { jwt, trust };
    config::HostPort listen;
    Auth auth = Auth::jwt;
    std::optional<std::filesystem::path> jwt_public_key;  // needed for jwt
    AllowList allowed_targets;  // where a link may lead; everything else is refused
    std::optional<net::TlsServerContext::Files> tls;
};

struct LinkConfig {
    enum class Greeting { standard, neon };
    std::string url;                 // prefix of the printed link; the id is appended
    std::optional<std::string> api;  // base URL of sluice-auth; absent: Neon's console pattern
    std::optional<std::filesystem::path> api_token_file;
    std::optional<std::filesystem::path> api_ca;
    std::string instance = "local";  // our name in the configuration of sluice-auth
    std::chrono::milliseconds timeout{120'000};
    std::size_t max_pending = 20'000;
    std::size_t max_pending_per_source = 100;  // an IPv4 address or an IPv6 /64
    Greeting greeting = Greeting::standard;
    std::optional<std::filesystem::path> compute_ca;  // roots for verify-ca and verify-full targets
};

struct ProxyConfig {
    config::ServiceConfig service;
    std::vector<ListenerConfig> listeners;
    std::vector<ComputeConfig> computes;
    std::optional<ManagementConfig> management;  // needed by link listeners
    std::optional<LinkConfig> link;              // needed by link listeners
    std::vector<std::string> domains;            // TLS name <target>.<domain> names the target
    std::chrono::milliseconds handshake_timeout{15'000};
    std::chrono::milliseconds connect_timeout{10'000};  // to a compute, login included
    std::size_t max_connections = 10'000;

    // Throws config::ConfigError naming file, line and key.
    static ProxyConfig load(const std::filesystem::path& file);
    // The same, and reads the certificates, keys, roots and tokens that the configuration names.
    static ProxyConfig load_with_files(const std::filesystem::path& file);
    static ProxyConfig read(config::Section root);

    const ComputeConfig* find_compute(const std::string& name) const;
};

// The keys whose values differ and of which `next` only takes effect at the next start
// ("listeners", "management.listen"); everything else can change while running.
std::vector<std::string> keys_that_need_restart(const ProxyConfig& running,
                                                const ProxyConfig& next);

}  // namespace sluice::proxy
