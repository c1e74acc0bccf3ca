#pragma once

#include "common/base/error.hpp"
#include "common/observability/metrics.hpp"

#include <string>

namespace sluice::proxy {

enum class ConnectionState { handshake, link_wait, connecting, active };
enum class LinkResult { approved, denied, expired, abandoned, error, rejected };
enum class CancelResult { forwarded, not_found, failed, limited };
enum class ManagementResult { delivered, unknown_session, bad_request, forbidden_host };
enum class Outcome { success, failure };

// Every series of sluice-proxy. Labels come from these enums and from the configuration only.
struct ProxyMetrics {
    explicit ProxyMetrics(metrics::Registry& registry);

    struct PerListener {
        metrics::Counter opened;
        metrics::Counter closed;
    };
    PerListener listener(const std::string& name);

    metrics::PerLabel<metrics::Gauge, ConnectionState, 4> connections;
    metrics::Gauge link_pending;
    metrics::PerLabel<metrics::Counter, LinkResult, 6> link_sessions;
    metrics::Histogram link_wait_seconds;
    metrics::Counter bytes_to_client;
    metrics::Counter bytes_to_compute;
    metrics::PerLabel<metrics::Counter, CancelResult, 4> cancel_requests;
    metrics::Gauge cancel_keys;
    metrics::PerLabel<metrics::Counter, ErrorKind, 8> errors;
    metrics::Histogram compute_connect_seconds;
    metrics::PerLabel<metrics::Counter, ManagementResult, 4> management_requests;
    metrics::PerLabel<metrics::Counter, Outcome, 2> config_reloads;

private:
    metrics::Registry& registry_;
};

// Counts one connection under its current state; moves with it from state to state.
class StateGauge {
public:
    StateGauge(ProxyMetrics& metrics, ConnectionState state) : metrics_(metrics), state_(state) {
        metrics_.connections[state_].add(1);
    }
    ~StateGauge() { metrics_.connections[state_].add(-1); }
    StateGauge(const StateGauge&) = delete;
    StateGauge& operator=(const StateGauge&) = delete;

    void become(ConnectionState state) {
        metrics_.connections[state_].add(-1);
        state_ = state;
        metrics_.connections[state_].add(1);
    }
    ConnectionState state() const { return state_; }

private:
    ProxyMetrics& metrics_;
    ConnectionState state_;
};

}  // namespace sluice::proxy
