#pragma once

#include "common/config/host_port.hpp"
#include "common/config/service_config.hpp"
#include "common/net/tls_context.hpp"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace sluice::auth {

// A proxy that may register links, and where to tell it how they ended.
struct ProxyConfig {
    std::string name;
    config::HostPort management;
    net::TlsMode tls = net::TlsMode::disable;
    std::optional<std::filesystem::path> ca;  // absent: the system's roots
};

enum class TokenScope { proxy, admin };

struct TokenConfig {
    std::string name;  // appears in the audit as "token:<name>"
    std::filesystem::path file;
    TokenScope scope = TokenScope::proxy;
};

// The configuration of sluice-auth.
struct AuthConfig {
    config::HostPort listen;
    std::optional<net::TlsServerContext::Files> tls;
    std::string public_url;  // what browsers type; forms from elsewhere are refused
    std::filesystem::path database;
    std::filesystem::path seal_key;
    std::filesystem::path management_key;
    std::vector<ProxyConfig> proxies;
    std::vector<TokenConfig> tokens;
    std::chrono::milliseconds session_lifetime{std::chrono::hours(12)};
    std::chrono::milliseconds session_idle{std::chrono::hours(1)};
    int login_max_failures = 5;
    std::chrono::milliseconds login_window{std::chrono::minutes(15)};
    std::optional<std::filesystem::path> audit_log;
    std::string connect_command;  // shown to users without links; empty: nothing is shown
    config::ServiceConfig service;

    // Cookies get the attribute Secure.
    bool secure_cookies() const { return tls.has_value() || public_url.starts_with("https://"); }
};

// Throws ConfigError.
AuthConfig load_config(const std::filesystem::path& file);
// The same, and reads the certificates, keys, roots and tokens that the configuration names.
AuthConfig load_config_with_files(const std::filesystem::path& file);
AuthConfig read_config(config::Section root);

}  // namespace sluice::auth
