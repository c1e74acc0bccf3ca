#pragma once

#include "common/http/admin.hpp"
#include "common/net/blocking_pool.hpp"
#include "common/net/io_threads.hpp"
#include "common/net/listener.hpp"
#include "common/net/shutdown.hpp"
#include "proxy/management/management_server.hpp"
#include "proxy/session/services.hpp"

#include <filesystem>
#include <memory>
#include <vector>

namespace sluice::proxy {

// sluice-proxy as a whole: threads, listeners, management port, admin port, shutdown.
class Proxy {
public:
    // Binds every port; throws StartupError.
    Proxy(ProxyConfig config, std::filesystem::path config_file);
    ~Proxy();

    // Serves until SIGTERM or SIGINT and the drain that follows. Blocks.
    void run();

private:
    void open_listener(const ListenerConfig& config);
    std::shared_ptr<const ComputeAddress> compute_address(const ComputeConfig& config) const;
    void start();
    void reload();
    net::Awaitable<void> watch_certificates();
    net::Awaitable<void> shut_down();
    net::Awaitable<void> end_tasks();
    net::Awaitable<bool> wait_until_empty(Deadline deadline);
    void drain_sessions();
    std::vector<std::shared_ptr<net::ReloadingTlsContext>> certificates() const;

    std::filesystem::path config_file_;
    metrics::Registry registry_;
    ProxyMetrics metrics_;
    Services services_;
    // Listeners, computes, threads and keys are those of this one, whatever was reloaded since.
    std::shared_ptr<const ProxyConfig> started_with_;
    log::Log log_;
    boost::asio::io_context main_context_;
    net::IoThreads threads_;
    net::BlockingPool key_derivation_;
    std::vector<std::unique_ptr<Worker>> workers_;
    std::vector<std::unique_ptr<ListenerRuntime>> runtimes_;
    std::vector<std::unique_ptr<net::Listener>> listeners_;
    std::unique_ptr<ManagementServer> management_;
    std::unique_ptr<http::AdminServer> admin_;
    std::unique_ptr<net::Signals> signals_;
    bool stopping_ = false;
};

}  // namespace sluice::proxy
