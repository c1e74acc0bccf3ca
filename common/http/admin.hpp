#pragma once

#include "common/http/server.hpp"
#include "common/observability/metrics.hpp"

#include <atomic>
#include <memory>

namespace sluice::http {

// The admin port that each service has: /metrics (Prometheus text), /livez (200 while the process
// answers) and /readyz (200, or 503 with the reason from set_not_ready).
class AdminServer {
public:
    AdminServer(net::IoThreads& threads,
                const config::HostPort& address,
                metrics::Registry& registry);
    void start() { server_->start(); }
    void close() { server_->close(); }
    std::uint16_t port() const { return server_->port(); }
    // Not ready until this is called, with null for ready. `reason` must be a literal.
    void set_not_ready(const char* reason) { not_ready_->store(reason); }

private:
    std::shared_ptr<std::atomic<const char*>> not_ready_;
    std::unique_ptr<Server> server_;
};

}  // namespace sluice::http
