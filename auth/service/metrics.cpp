#include "auth/service/metrics.hpp"

#include <optional>

namespace sluice::auth {

namespace {

metrics::Counter labelled(metrics::Registry& registry,
                          const char* name,
                          const char* help,
                          const char* label,
                          const char* value) {
    return registry.counter(name, help, {{label, value}});
}

metrics::Counter link_result(metrics::Registry& registry, const char* result) {
    return labelled(registry,
                    "sluice_auth_link_sessions_total",
                    "Link sessions by how far they came.",
                    "result",
                    result);
}

metrics::Counter sign_in_result(metrics::Registry& registry, const char* result) {
    return labelled(
        registry, "sluice_auth_sign_in_total", "Attempts to sign in.", "result", result);
}

metrics::Counter notification_result(metrics::Registry& registry, const char* result) {
    return labelled(registry,
                    "sluice_auth_notifications_total",
                    "Results of link sessions sent to a proxy.",
                    "result",
                    result);
}

std::optional<std::size_t> index_of(LinkState state) {
    switch (state) {
    case LinkState::approved: return 0;
    case LinkState::connected: return 1;
    case LinkState::denied: return 2;
    case LinkState::expired: return 3;
    case LinkState::abandoned: return 4;
    case LinkState::failed: return 5;
    case LinkState::requested:
    case LinkState::opened:
    case LinkState::approving: return std::nullopt;
    }
    return std::nullopt;
}

}  // namespace

AuthMetrics::AuthMetrics(metrics::Registry& registry)
    : registry_(registry),
      registered_(registry.counter("sluice_auth_link_registered_total",
                                   "Link sessions registered by proxies.")),
      pending_(
          registry.gauge("sluice_auth_link_pending", "Link sessions that wait for a decision.")),
      links_{link_result(registry, "approved"),
             link_result(registry, "connected"),
             link_result(registry, "denied"),
             link_result(registry, "expired"),
             link_result(registry, "abandoned"),
             link_result(registry, "failed")},
      sign_ins_{sign_in_result(registry, "success"),
                sign_in_result(registry, "wrong_password"),
                sign_in_result(registry, "throttled"),
                sign_in_result(registry, "busy")},
      notifications_{notification_result(registry, "delivered"),
                     notification_result(registry, "waiter_gone"),
                     notification_result(registry, "failed")} {}

void AuthMetrics::http_request(const std::string& pattern, int status) {
    registry_
        .counter("sluice_auth_http_requests_total",
                 "HTTP requests by route and status.",
                 {{"path", pattern.empty() ? "none" : pattern}, {"code", std::to_string(status)}})
        .add();
}

void AuthMetrics::link_reached(LinkState state) {
    if (const auto index = index_of(state)) links_[*index].add();
}

void AuthMetrics::sign_in(SignInResult result) {
    sign_ins_[static_cast<std::size_t>(result)].add();
}

void AuthMetrics::notification(Delivery delivery) {
    notifications_[static_cast<std::size_t>(delivery)].add();
}

}  // namespace sluice::auth
