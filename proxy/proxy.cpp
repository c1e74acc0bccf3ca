#include "proxy/proxy.hpp"

#include "common/net/timer.hpp"
#include "proxy/session/session.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <cstdlib>

namespace sluice::proxy {

namespace {

using Clock = std::chrono::steady_clock;

// A compute chooses how much work a password is: half a second of a core at most.
constexpr unsigned key_derivation_threads = 2;
constexpr std::chrono::seconds certificate_check_interval{5};
constexpr std::chrono::milliseconds empty_check_interval{50};
// After the deadline of a shutdown: for errors to be written and streams to be closed.
constexpr std::chrono::seconds terminate_grace{2};

std::string joined(const std::vector<std::string>& keys) {
    std::string text;
    for (const auto& key : keys) text += (text.empty() ? "" : ", ") + key;
    return text;
}

net::Awaitable<void> serve(Services& services,
                           Worker& worker,
                           ListenerRuntime& listener,
                           std::unique_ptr<net::SocketStream> stream) {
    Session session(services, worker, listener);
    co_await session.run(std::move(stream));
}

}  // namespace

Proxy::Proxy(ProxyConfig config, std::filesystem::path config_file)
    : config_file_(std::move(config_file)),
      metrics_(registry_),
      services_(std::move(config), metrics_),
      started_with_(services_.config.get()),
      threads_(services_.config.get()->service.threads),
      key_derivation_(key_derivation_threads) {
    const auto current = services_.config.get();
    for (std::size_t i = 0; i < threads_.size(); ++i) {
        workers_.push_back(std::make_unique<Worker>(threads_.context(i), key_derivation_));
    }
    for (const ListenerConfig& listener : current->listeners) open_listener(listener);
    if (current->management) {
        management_ = std::make_unique<ManagementServer>(services_, threads_, workers_);
    }
    if (current->service.admin) {
        admin_ = std::make_unique<http::AdminServer>(threads_, *current->service.admin, registry_);
    }
    signals_ = std::make_unique<net::Signals>(
        main_context_,
        [this] { boost::asio::co_spawn(main_context_, shut_down(), boost::asio::detached); },
        [this] { reload(); });
}

Proxy::~Proxy() = default;

std::shared_ptr<const ComputeAddress> Proxy::compute_address(const ComputeConfig& config) const {
    auto address = std::make_shared<ComputeAddress>();
    address->host = config.host;
    address->port = config.port;
    if (config.tls != net::TlsMode::disable) {
        auto tls = net::TlsClientContext::make(config.tls, config.ca);
        if (!tls) throw StartupError("compute '" + config.name + "': " + tls.error().message());
        address->tls = *tls;
    }
    return address;
}

void Proxy::open_listener(const ListenerConfig& config) {
    auto runtime = std::make_unique<ListenerRuntime>(
        ListenerRuntime{config, nullptr, nullptr, metrics_.listener(config.name)});
    if (config.tls) {
        runtime->tls = std::make_shared<net::ReloadingTlsContext>(
            *config.tls, net::TlsServerContext::Alpn::postgresql);
    }
    const auto* compute = services_.config.get()->find_compute(config.compute);
    if (compute != nullptr) runtime->compute = compute_address(*compute);
    auto on_accept = [this, listener = runtime.get()](std::size_t index,
                                                      std::unique_ptr<net::SocketStream> stream) {
        Worker& worker = *workers_[index];
        worker.tasks.spawn(serve(services_, worker, *listener, std::move(stream)));
    };
    listeners_.push_back(
        std::make_unique<net::Listener>(threads_, config.listen, std::move(on_accept)));
    runtimes_.push_back(std::move(runtime));
}

void Proxy::start() {
    threads_.start();
    services_.relays.start();
    for (std::size_t i = 0; i < listeners_.size(); ++i) {
        listeners_[i]->start();
        log_.info("listening",
                  {{"listener", runtimes_[i]->config.name},
                   {"address", runtimes_[i]->config.listen.host},
                   {"port", listeners_[i]->port()}});
    }
    if (management_) {
        management_->start();
        log_.info("management port open", {{"port", management_->port()}});
    }
    if (admin_) {
        admin_->start();
        admin_->set_not_ready(nullptr);
        log_.info("admin port open", {{"port", admin_->port()}});
    }
    boost::asio::co_spawn(main_context_, watch_certificates(), boost::asio::detached);
}

void Proxy::run() {
    start();
    main_context_.run();
    services_.relays.stop();
    threads_.stop();
    log_.info("stopped");
    // A task that cancelling did not end refers to its worker and listener: destroying those and
    // its frame one after the other would not be safe, so the process ends here.
    const bool tasks_left = std::any_of(workers_.begin(), workers_.end(), [](const auto& worker) {
        return worker->tasks.running() != 0;
    });
    if (tasks_left) std::_Exit(0);
}

std::vector<std::shared_ptr<net::ReloadingTlsContext>> Proxy::certificates() const {
    std::vector<std::shared_ptr<net::ReloadingTlsContext>> all;
    for (const auto& runtime : runtimes_) {
        if (runtime->tls) all.push_back(runtime->tls);
    }
    if (management_ && management_->tls()) all.push_back(management_->tls());
    return all;
}

net::Awaitable<void> Proxy::watch_certificates() {
    while (!stopping_) {
        const bool elapsed = co_await net::sleep_for(certificate_check_interval);
        if (!elapsed) co_return;
        for (const auto& certificate : certificates()) {
            const auto reloaded = certificate->reload_if_changed();
            if (!reloaded) {
                metrics_.config_reloads[Outcome::failure].add();
                log_.error("changed certificate not usable, the old one stays",
                           {{"error", reloaded.error().message()}});
            } else if (*reloaded) {
                metrics_.config_reloads[Outcome::success].add();
                log_.info("certificate replaced");
            }
        }
    }
}

// Takes over what can change while running: log level, limits, link settings, allowed targets and
// certificates. Listeners, computes, threads and keys need a restart.
void Proxy::reload() {
    try {
        ProxyConfig next = ProxyConfig::load(config_file_);
        const auto current = services_.config.get();
        if (next.link.has_value() != current->link.has_value() ||
            next.management.has_value() != current->management.has_value()) {
            throw StartupError(
                "adding or removing the sections link and management needs a restart");
        }
        if (next.link && next.link->api.has_value() != current->link->api.has_value()) {
            throw StartupError("adding or removing link.api needs a restart");
        }
        for (const auto& certificate : certificates()) {
            const auto reloaded = certificate->reload();
            if (!reloaded) throw StartupError(reloaded.error().message());
        }
        log::configure("proxy", next.service.log_level, next.service.log_format);
        if (next.link) {
            services_.pending_links.set_limits(next.link->max_pending,
                                               next.link->max_pending_per_source);
        }
        const auto waiting = keys_that_need_restart(*started_with_, next);
        services_.config.set(std::move(next));
        metrics_.config_reloads[Outcome::success].add();
        log_.info("configuration reloaded", {{"file", config_file_.string()}});
        if (!waiting.empty()) {
            log_.warn("changes that take effect after a restart", {{"keys", joined(waiting)}});
        }
    } catch (const StartupError& error) {
        metrics_.config_reloads[Outcome::failure].add();
        log_.error("configuration not reloaded, the old one stays", {{"error", error.what()}});
    }
}

void Proxy::drain_sessions() {
    services_.draining = true;
    for (const auto& worker : workers_) {
        boost::asio::post(worker->context, [worker = worker.get()] {
            for (Session* session : worker->sessions) session->drain();
        });
    }
    services_.relays.drain();
}

net::Awaitable<bool> Proxy::wait_until_empty(Deadline deadline) {
    while (services_.connections != 0) {
        if (Clock::now() >= deadline) co_return false;
        co_await net::sleep_for(empty_check_interval);
    }
    co_return true;
}

net::Awaitable<void> Proxy::shut_down() {
    stopping_ = true;
    const auto config = services_.config.get();
    log_.info("shutting down", {{"sessions", services_.connections.load()}});
    if (admin_) admin_->set_not_ready("shutting down");
    co_await net::sleep_for(config->service.shutdown_delay);
    for (const auto& listener : listeners_) listener->close();
    drain_sessions();
    const bool empty = co_await wait_until_empty(Clock::now() + config->service.shutdown_deadline);
    if (!empty) {
        log_.warn("sessions did not end in time and are cut off",
                  {{"sessions", services_.connections.load()}});
        services_.relays.terminate();
        co_await wait_until_empty(Clock::now() + terminate_grace);
    }
    if (management_) management_->close();
    if (admin_) admin_->close();
    co_await end_tasks();
    main_context_.stop();
}

namespace {

net::Awaitable<void> cancel_and_join(Worker& worker,
                                     Deadline deadline,
                                     std::atomic<std::size_t>& left) {
    worker.tasks.cancel();
    co_await worker.tasks.join(deadline);
    --left;
}

}  // namespace

// Management connections, notices to sluice-auth under way, sessions that even termination left.
net::Awaitable<void> Proxy::end_tasks() {
    const auto deadline = Clock::now() + terminate_grace;
    std::atomic<std::size_t> left = workers_.size();
    for (const auto& worker : workers_) {
        boost::asio::co_spawn(
            worker->context, cancel_and_join(*worker, deadline, left), boost::asio::detached);
    }
    while (left != 0) co_await net::sleep_for(empty_check_interval);
}

}  // namespace sluice::proxy
