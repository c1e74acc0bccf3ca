#include "ctl/parts.hpp"

#include "common/config/service_config.hpp"
#include "common/config/yaml.hpp"
#include "common/http/client.hpp"

#include <fmt/format.h>

namespace sluice::ctl {

namespace {

std::optional<config::HostPort> listen_of(config::Section& root, const std::string& key) {
    auto section = root.section(key);
    if (!section || !section->has("listen")) return std::nullopt;
    return config::read_host_port(*section, "listen");
}

void read_proxy(const Paths& paths, Addresses& addresses) {
    // Only some keys are read here, so no finish(): the service itself checks all of them.
    auto root = config::Section::load(paths.proxy_config());
    for (auto& listener : root.sections("listeners")) {
        if (addresses.proxy_listeners.empty()) {
            addresses.proxy_uses_links = listener.text("auth", "link") == "link";
        }
        addresses.proxy_listeners.push_back(config::read_host_port(listener, "listen"));
    }
    if (addresses.proxy_listeners.empty()) root.fail("listeners", "there must be one at least");
    addresses.proxy = addresses.proxy_listeners.front();
    addresses.management = listen_of(root, "management");
    addresses.proxy_admin = listen_of(root, "admin");
}

void read_auth(const Paths& paths, Addresses& addresses) {
    auto root = config::Section::load(paths.auth_config());
    addresses.auth = config::read_host_port(root, "listen");
    addresses.auth_admin = listen_of(root, "admin");
    const auto scheme = root.has("tls") ? "https://" : "http://";
    addresses.auth_url = scheme + reachable(addresses.auth).to_string();
    addresses.public_url = root.text("public_url", addresses.auth_url);
}

}  // namespace

Addresses read_addresses(const Paths& paths, const ClusterFile& cluster) {
    Addresses addresses;
    read_proxy(paths, addresses);
    read_auth(paths, addresses);
    addresses.postgres = {"127.0.0.1", cluster.ports.postgres};
    return addresses;
}

std::string psql_command(const Addresses& addresses, const ClientCommand& client) {
    return fmt::format("psql \"host=localhost port={} user={} dbname={} sslmode=require{}\"",
                       addresses.proxy.port,
                       client.role,
                       client.database,
                       client.target.empty() ? "" : " options=target=" + client.target);
}

config::HostPort reachable(config::HostPort listen) {
    if (listen.host == "0.0.0.0" || listen.host == "*") listen.host = "127.0.0.1";
    if (listen.host == "::") listen.host = "::1";
    return listen;
}

bool is_ready(const config::HostPort& admin,
              std::chrono::milliseconds timeout,
              std::string& reason) {
    http::ClientOptions options;
    options.base_url = "http://" + reachable(admin).to_string();
    options.timeout = timeout;
    http::Request request;
    request.target = "/readyz";
    const auto response = http::send_and_wait(options, request);
    if (!response) {
        reason = response.error().message();
        return false;
    }
    reason = response->body;
    return response->status == 200;
}

}  // namespace sluice::ctl
