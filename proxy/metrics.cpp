#include "proxy/metrics.hpp"

#include <utility>

namespace sluice::proxy {

namespace {

// One series per name, in the order of the enumerators.
template <class Enum, std::size_t N>
auto counters(metrics::Registry& registry,
              const std::string& name,
              const std::string& help,
              const std::string& label,
              const std::array<std::string, N>& values) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
        return metrics::PerLabel<metrics::Counter, Enum, N>(
            {registry.counter(name, help, {{label, values[I]}})...});
    }
    (std::make_index_sequence<N>{});
}

template <class Enum, std::size_t N>
auto gauges(metrics::Registry& registry,
            const std::string& name,
            const std::string& help,
            const std::string& label,
            const std::array<std::string, N>& values) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
        return metrics::PerLabel<metrics::Gauge, Enum, N>(
            {registry.gauge(name, help, {{label, values[I]}})...});
    }
    (std::make_index_sequence<N>{});
}

std::array<std::string, 8> error_kinds() {
    std::array<std::string, 8> names;
    for (std::size_t i = 0; i < names.size(); ++i) names[i] = to_string(static_cast<ErrorKind>(i));
    return names;
}

}  // namespace

ProxyMetrics::ProxyMetrics(metrics::Registry& registry)
    : connections(gauges<ConnectionState, 4>(registry,
                                             "sluice_proxy_connections_current",
                                             "Client connections by what they are doing.",
                                             "state",
                                             {"handshake", "link_wait", "connecting", "active"})),
      link_pending(registry.gauge("sluice_proxy_link_pending", "Links that wait for a person.")),
      link_sessions(counters<LinkResult, 6>(
          registry,
          "sluice_proxy_link_sessions_total",
          "Links by how they ended.",
          "result",
          {"approved", "denied", "expired", "abandoned", "error", "rejected"})),
      link_wait_seconds(registry.histogram("sluice_proxy_link_wait_seconds",
                                           "From printing a link to its result.",
                                           {1, 2, 5, 10, 20, 30, 60, 120, 300, 600})),
      bytes_to_client(registry.counter("sluice_proxy_bytes_total",
                                       "Bytes passed through after login.",
                                       {{"direction", "to_client"}})),
      bytes_to_compute(registry.counter("sluice_proxy_bytes_total",
                                        "Bytes passed through after login.",
                                        {{"direction", "to_compute"}})),
      cancel_requests(counters<CancelResult, 4>(registry,
                                                "sluice_proxy_cancel_requests_total",
                                                "Cancel requests by what became of them.",
                                                "result",
                                                {"forwarded", "not_found", "failed", "limited"})),
      cancel_keys(registry.gauge("sluice_proxy_cancel_keys", "Sessions that can be cancelled.")),
      errors(counters<ErrorKind, 8>(registry,
                                    "sluice_proxy_errors_total",
                                    "Connections that failed before their session, by cause.",
                                    "kind",
                                    error_kinds())),
      compute_connect_seconds(registry.histogram("sluice_proxy_compute_connect_seconds",
                                                 "From the first attempt to a ready compute.",
                                                 metrics::latency_bounds())),
      management_requests(counters<ManagementResult, 4>(
          registry,
          "sluice_proxy_management_requests_total",
          "Notifications at the management port by answer.",
          "result",
          {"delivered", "unknown_session", "bad_request", "forbidden_host"})),
      config_reloads(counters<Outcome, 2>(registry,
                                          "sluice_proxy_config_reload_total",
                                          "Reloads of configuration and certificates.",
                                          "result",
                                          {"success", "failure"})),
      registry_(registry) {}

ProxyMetrics::PerListener ProxyMetrics::listener(const std::string& name) {
    return {
        registry_.counter(
            "sluice_proxy_connections_opened_total", "Connections accepted.", {{"listener", name}}),
        registry_.counter(
            "sluice_proxy_connections_closed_total", "Connections ended.", {{"listener", name}})};
}

}  // namespace sluice::proxy
