#include "auth/service/app.hpp"

#include "auth/core/csrf.hpp"
#include "auth/service/api_routes.hpp"
#include "auth/service/web_routes.hpp"
#include "common/base/startup_error.hpp"
#include "common/http/admin.hpp"
#include "common/http/server.hpp"
#include "common/net/shutdown.hpp"
#include "common/net/task_group.hpp"
#include "common/net/timer.hpp"
#include "common/observability/log.hpp"

#include <boost/asio/co_spawn.hpp>

namespace sluice::auth {

namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;
using std::chrono::system_clock;

constexpr std::size_t body_bytes_max = 64U << 10U;
constexpr seconds expire_interval(1);
constexpr seconds tls_check_interval(5);
constexpr seconds clean_up_interval(600);
constexpr std::chrono::milliseconds drain_poll(20);
// Lets the last responses leave the sockets.
constexpr std::chrono::milliseconds drain_grace(100);
constexpr auto link_retention = std::chrono::hours(24 * 30);

crypto::SecretBox load_box(const AuthConfig& config) {
    auto box = crypto::SecretBox::load(config.seal_key);
    if (!box) throw StartupError("seal_key: " + box.error().message());
    return std::move(*box);
}

crypto::PrivateKey load_key(const AuthConfig& config) {
    auto key = crypto::PrivateKey::load(config.management_key);
    if (!key) throw StartupError("management_key: " + key.error().message());
    return std::move(*key);
}

std::unique_ptr<Store> open_store(const AuthConfig& config, const crypto::SecretBox& box) {
    auto store = Store::open(config.database);
    const std::string name = "database " + config.database.string();
    const auto sealed = store->is_sealed_by(box);
    if (!sealed) throw StartupError(name + ": " + sealed.error().message());
    if (*sealed) return store;
    throw StartupError(name + ": the passwords in it were sealed with another key than " +
                       config.seal_key.string() +
                       ". Bring back the key file that belongs to it, or move the database away "
                       "to begin with an empty one");
}

std::shared_ptr<net::ReloadingTlsContext> make_tls(const AuthConfig& config) {
    if (!config.tls) return nullptr;
    return std::make_shared<net::ReloadingTlsContext>(*config.tls,
                                                      net::TlsServerContext::Alpn::none);
}

Sessions::Settings session_settings(const AuthConfig& config) {
    return Sessions::Settings{
        config.session_lifetime, config.session_idle, config.secure_cookies()};
}

WebRoutes::Settings web_settings(const AuthConfig& config) {
    return WebRoutes::Settings{
        origin_of(config.public_url),
        config.connect_command,
        LoginThrottle::Limits{config.login_max_failures, config.login_window}};
}

}  // namespace

struct App::State {
    State(AuthConfig loaded, std::filesystem::path file);

    http::Router make_router();
    http::Server::Options server_options();
    net::Awaitable<void> expire_links();
    net::Awaitable<void> check_tls();
    net::Awaitable<void> clean_up();
    void reload();
    void stop();
    net::Awaitable<void> drain();

    AuthConfig config;
    std::filesystem::path config_file;
    log::Log log;
    boost::asio::io_context main_context{1};
    net::IoThreads threads;
    metrics::Registry registry;
    AuthMetrics metrics;
    crypto::SecretBox box;
    AuditLog audit;
    std::unique_ptr<Store> store;
    StoreAccess store_access;
    Passwords passwords;
    ApiTokens tokens;
    std::shared_ptr<net::ReloadingTlsContext> tls;
    ManagementNotifier notifier;
    LinkService links;
    Sessions sessions;
    WebAssets assets;
    ActiveRequests active;
    ApiRoutes api;
    WebRoutes web;
    http::Server server;
    std::unique_ptr<http::AdminServer> admin;
    net::TaskGroup background;
    net::Signals signals;
};

App::State::State(AuthConfig loaded, std::filesystem::path file)
    : config(std::move(loaded)),
      config_file(std::move(file)),
      threads(config.service.threads),
      metrics(registry),
      box(load_box(config)),
      audit(config.audit_log),
      store(open_store(config, box)),
      store_access(*store),
      tokens(config.tokens),
      tls(make_tls(config)),
      notifier(config.proxies, load_key(config), metrics),
      links(store_access, notifier, box, audit, metrics),
      sessions(store_access, session_settings(config)),
      api(ApiRoutes::Parts{tokens, links, store_access, passwords, box, audit, active}),
      web(
          WebRoutes::Parts{
              assets, sessions, links, store_access, passwords, audit, metrics, active},
          web_settings(config)),
      server(threads, server_options(), make_router()),
      background(main_context),
      signals(
          main_context, [this] { stop(); }, [this] { reload(); }) {
    if (config.service.admin) {
        admin = std::make_unique<http::AdminServer>(threads, *config.service.admin, registry);
        admin->set_not_ready("starting");
    }
}

http::Router App::State::make_router() {
    http::Router routes;
    api.add_to(routes);
    web.add_to(routes);
    return routes;
}

http::Server::Options App::State::server_options() {
    http::Server::Options options;
    options.address = config.listen;
    options.tls = tls;
    options.body_bytes_max = body_bytes_max;
    options.on_response = [this](const http::Request& request,
                                 const http::Response& response,
                                 const std::string& pattern) {
        metrics.http_request(pattern, response.status);
        log.debug("http request",
                  {{"method", request.method},
                   {"path", request.path},
                   {"status", response.status},
                   {"client", request.peer_address}});
    };
    return options;
}

net::Awaitable<void> App::State::expire_links() {
    auto recovered = co_await links.recover();
    if (!recovered)
        log.error("link sessions not recovered", {{"reason", recovered.error().message()}});
    bool failing = false;
    for (;;) {
        auto expired = co_await links.expire_due();
        // Once when it begins to fail, not every second.
        if (!expired && !failing) {
            log.error("link sessions not expired", {{"reason", expired.error().message()}});
        }
        failing = !expired;
        const bool slept = co_await net::sleep_for(expire_interval);
        if (!slept) co_return;
    }
}

net::Awaitable<void> App::State::check_tls() {
    for (;;) {
        const bool slept = co_await net::sleep_for(tls_check_interval);
        if (!slept) co_return;
        auto changed = tls->reload_if_changed();
        if (!changed) {
            log.error("certificate not reloaded", {{"reason", changed.error().message()}});
        } else if (*changed) {
            log.info("certificate reloaded");
        }
    }
}

net::Awaitable<void> App::State::clean_up() {
    for (;;) {
        const bool slept = co_await net::sleep_for(clean_up_interval);
        if (!slept) co_return;
        auto work = [](Store& open) {
            return open.remove_old_links(system_clock::now() - link_retention);
        };
        auto links_removed = co_await store_access.run(std::move(work));
        auto sessions_removed = co_await sessions.remove_old();
        if (!links_removed || !sessions_removed) log.error("clean-up of the database failed");
    }
}

void App::State::reload() {
    try {
        const AuthConfig fresh = load_config(config_file);
        log::configure("sluice-auth", fresh.service.log_level, fresh.service.log_format);
        tokens.reload(fresh.tokens);
    } catch (const StartupError& error) {
        log.error("configuration not reloaded", {{"reason", error.what()}});
        return;
    }
    audit.reopen();
    if (tls) {
        auto reloaded = tls->reload();
        if (!reloaded)
            log.error("certificate not reloaded", {{"reason", reloaded.error().message()}});
    }
    log.info("configuration reloaded", {{"file", config_file.string()}});
}

void App::State::stop() {
    log.info("stopping", {{"delay_ms", config.service.shutdown_delay.count()}});
    if (admin) admin->set_not_ready("shutting down");
    boost::asio::co_spawn(main_context, drain(), [this](std::exception_ptr failure) {
        if (failure) log.error("shutdown failed");
        main_context.stop();
    });
}

// readyz fails at once, listeners close after the delay, requests may end until the deadline.
net::Awaitable<void> App::State::drain() {
    co_await net::sleep_for(config.service.shutdown_delay);
    server.close();
    const Deadline deadline = steady_clock::now() + config.service.shutdown_deadline;
    while (active.count() > 0 && steady_clock::now() < deadline)
        co_await net::sleep_for(drain_poll);
    background.cancel();
    co_await background.join(deadline);
    co_await net::sleep_for(drain_grace);
    if (admin) admin->close();
    signals.cancel();
}

App::App(AuthConfig config, std::filesystem::path file)
    : state_(std::make_unique<State>(std::move(config), std::move(file))) {}

App::~App() = default;

void App::run() {
    State& state = *state_;
    state.background.spawn(state.expire_links());
    state.background.spawn(state.clean_up());
    if (state.tls) state.background.spawn(state.check_tls());
    state.server.start();
    if (state.admin) state.admin->start();
    state.threads.start();
    if (state.admin) state.admin->set_not_ready(nullptr);
    state.log.info(
        "ready",
        {{"listen", state.config.listen.host + ":" + std::to_string(state.server.port())},
         {"public_url", state.config.public_url},
         {"tls", state.tls != nullptr},
         {"admin_port", state.admin ? state.admin->port() : 0}});
    state.main_context.run();
    state.threads.stop();
    state.log.info("stopped");
}

}  // namespace sluice::auth
