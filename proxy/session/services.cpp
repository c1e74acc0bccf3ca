#include "proxy/session/services.hpp"

#include "common/crypto/random_bytes.hpp"

#include <algorithm>
#include <thread>

namespace sluice::proxy {

namespace {

constexpr double cancel_requests_per_second = 20;
constexpr double cancel_requests_at_once = 100;

std::optional<auth::LinkApi> make_link_api(const ProxyConfig& config) {
    if (!config.link || !config.link->api) return std::nullopt;
    auth::LinkApi::Options options;
    options.base_url = *config.link->api;
    options.token = Secret(config::read_secret_file(*config.link->api_token_file));
    options.ca = config.link->api_ca;
    return auth::LinkApi(std::move(options));
}

std::size_t link_quota(const ProxyConfig& config) {
    return config.link ? config.link->max_pending : 0;
}

std::size_t link_quota_per_source(const ProxyConfig& config) {
    return config.link ? config.link->max_pending_per_source : 0;
}

// One for each core: more answer sooner on a busy machine, but cost more wake-ups and CPU a query
// (docs/adr/0007-relay-threads.md).
unsigned relay_thread_count(const ProxyConfig& config) {
    const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
    return config.service.threads != 0 ? config.service.threads : cores;
}

}  // namespace

Services::Services(ProxyConfig proxy_config, ProxyMetrics& proxy_metrics)
    : config(std::move(proxy_config)),
      metrics(proxy_metrics),
      pending_links(link_quota(*config.get()), link_quota_per_source(*config.get())),
      cancel_rate(cancel_requests_per_second, cancel_requests_at_once),
      link_api(make_link_api(*config.get())),
      phrase_key(crypto::random_bytes(32)),
      relays(relay_thread_count(*config.get())) {}

Result<std::shared_ptr<const net::TlsClientContext>> Services::compute_tls(
    const auth::LinkSuccess& success) const {
    // Neon's console does not say: there a host with "--" in its name stands for TLS.
    const bool neon_tls = success.host.find("--") != std::string::npos;
    const std::string_view word =
        success.tls.empty() ? (neon_tls ? "require" : "disable") : std::string_view(success.tls);
    const auto mode = net::parse_tls_mode(word);
    if (!mode) {
        return Error(ErrorKind::control_plane,
                     "unknown tls mode '" + success.tls + "' for the target");
    }
    if (*mode == net::TlsMode::disable) return std::shared_ptr<const net::TlsClientContext>();
    return net::TlsClientContext::make(*mode, config.get()->link->compute_ca);
}

}  // namespace sluice::proxy
