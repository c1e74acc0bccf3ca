#pragma once

#include "auth/api/client.hpp"
#include "common/net/blocking_pool.hpp"
#include "common/net/task_group.hpp"
#include "common/net/tls_context.hpp"
#include "proxy/cancel/cancel_registry.hpp"
#include "proxy/config.hpp"
#include "proxy/limits/source_limits.hpp"
#include "proxy/management/waiters.hpp"
#include "proxy/metrics.hpp"
#include "proxy/passthrough/relay_threads.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>

namespace sluice::proxy {

class Session;

// The configuration in force: an immutable snapshot that SIGHUP replaces. Any thread.
class CurrentConfig {
public:
    explicit CurrentConfig(ProxyConfig config) { set(std::move(config)); }
    std::shared_ptr<const ProxyConfig> get() const {
        const std::lock_guard lock(mutex_);
        return config_;
    }
    void set(ProxyConfig config) {
        auto next = std::make_shared<const ProxyConfig>(std::move(config));
        const std::lock_guard lock(mutex_);
        config_ = std::move(next);
    }

private:
    mutable std::mutex mutex_;
    std::shared_ptr<const ProxyConfig> config_;
};

// What sessions of all threads share. Outlives them.
struct Services {
    Services(ProxyConfig proxy_config, ProxyMetrics& proxy_metrics);

    // For a target that sluice-auth names; null for TlsMode::disable. The word is LinkSuccess::tls.
    Result<std::shared_ptr<const net::TlsClientContext>> compute_tls(
        const auth::LinkSuccess& success) const;

    CurrentConfig config;
    ProxyMetrics& metrics;
    Waiters waiters;
    CancelRegistry cancels;
    SourceQuota pending_links;
    SourceRate cancel_rate;
    std::optional<auth::LinkApi> link_api;
    Bytes phrase_key;
    RelayThreads relays;
    std::atomic<std::size_t> connections{0};
    std::atomic<bool> draining{false};  // shutting down: no new sessions
    std::atomic<std::uint64_t> next_connection_id{1};
};

// One address that clients connect to, at run time.
struct ListenerRuntime {
    ListenerConfig config;
    std::shared_ptr<net::ReloadingTlsContext> tls;  // null: none
    std::shared_ptr<const ComputeAddress> compute;  // forward only
    ProxyMetrics::PerListener metrics;
};

// One thread's sessions. Touched by that thread only.
struct Worker {
    Worker(boost::asio::io_context& io, net::BlockingPool& pool)
        : context(io), key_derivation(pool), tasks(io) {}
    boost::asio::io_context& context;
    net::BlockingPool& key_derivation;  // for the passwords of computes; of all threads
    net::TaskGroup tasks;
    std::set<Session*> sessions;
};

}  // namespace sluice::proxy
