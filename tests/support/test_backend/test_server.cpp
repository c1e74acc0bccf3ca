#include "tests/support/test_backend/test_server.hpp"

#include "backend/server/shutdown_watcher.hpp"
#include "common/base/startup_error.hpp"
#include "common/crypto/random_bytes.hpp"
#include "common/net/timer.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <cstdlib>
#include <fstream>

namespace sluice::test_backend {

namespace {

constexpr std::chrono::milliseconds poll_interval{10};
// For queries that run, and then for what cancelling does not end at once.
constexpr std::chrono::milliseconds grace{2000};
constexpr std::chrono::milliseconds stop_time{2500};

template <class T>
T loaded(Result<T> result) {
    if (!result) throw StartupError(result.error().message());
    return std::move(*result);
}

}  // namespace

namespace {

// A line for each role: its name, a blank, and what pg_authid.rolpassword holds.
std::map<std::string, pg::StoredPassword, std::less<>> load_roles(
    const std::filesystem::path& path) {
    std::map<std::string, pg::StoredPassword, std::less<>> roles;
    std::ifstream file(path);
    std::string name;
    std::string verifier;
    while (file >> name >> verifier) {
        auto stored = pg::parse_stored_password(verifier);
        if (!stored) throw StartupError(path.string() + ": no verifier of role " + name);
        roles.emplace(name, std::move(*stored));
    }
    if (roles.empty()) throw StartupError(path.string() + ": no roles");
    return roles;
}

}  // namespace

struct TestServer::Worker {
    explicit Worker(boost::asio::io_context& io) : context(io), tasks(io) {}
    boost::asio::io_context& context;
    net::TaskGroup tasks;
    pg::ShutdownWatcher sessions;
};

TestServer::TestServer(const Options& options) : threads_(options.threads) {
    backend_options_.authentication = options.authentication;
    backend_options_.limits.message_bytes_max = options.query_bytes_max;
    backend_options_.login_timeout = options.login_timeout;
    backend_options_.idle_timeout = options.idle_timeout;
    backend_options_.handshake.tls_required = options.tls_required;
    if (!options.certificate.empty()) {
        backend_options_.handshake.tls = loaded(net::TlsServerContext::load(
            {options.certificate, options.key}, net::TlsServerContext::Alpn::postgresql));
    }
    if (!options.token_key.empty()) {
        shared_.token_key = loaded(crypto::PublicKey::load(options.token_key));
    }
    shared_.tenant_tokens = options.tenant_tokens;
    if (!options.roles.empty()) {
        shared_.password_method = options.password_method;
        shared_.roles = load_roles(options.roles);
        shared_.mock_key = crypto::random_bytes(pg::mock_key_bytes_min);
        shared_.pool = std::make_unique<net::BlockingPool>(1);
    }
    for (std::size_t i = 0; i < threads_.size(); ++i) {
        workers_.push_back(std::make_unique<Worker>(threads_.context(i)));
    }
    listener_ = std::make_unique<net::Listener>(
        threads_,
        options.listen,
        [this](std::size_t worker, std::unique_ptr<net::SocketStream> stream) {
            Worker& its = *workers_[worker];
            its.tasks.spawn(serve(its, std::move(stream)));
        });
    signals_ = std::make_unique<net::Signals>(
        main_context_,
        [this] { boost::asio::co_spawn(main_context_, shut_down(), boost::asio::detached); },
        [] {});
}

TestServer::~TestServer() = default;

bool TestServer::run() {
    threads_.start();
    listener_->start();
    main_context_.run();
    threads_.stop();
    // A session that did not end still refers to what would be destroyed here.
    if (!all_ended_) std::_Exit(1);
    return all_ended_;
}

net::Awaitable<void> TestServer::serve(Worker& worker, std::unique_ptr<net::SocketStream> stream) {
    const Counted session(shared_.sessions);
    CommandHandler handler(shared_, worker.context);
    pg::PostgresBackend backend(backend_options_, log::Log().with("client", stream->peer()));
    const auto membership = worker.sessions.add(backend);
    co_await backend.run(std::move(stream), handler);
}

namespace {

Deadline after(std::chrono::milliseconds time) { return std::chrono::steady_clock::now() + time; }

// First those that can end by themselves, then the rest.
net::Awaitable<void> end_sessions(pg::ShutdownWatcher& sessions,
                                  net::TaskGroup& tasks,
                                  std::atomic<std::size_t>& busy,
                                  std::atomic<bool>& all_ended) {
    sessions.stop_all();
    bool ended = co_await tasks.join(after(grace));
    if (!ended) {
        tasks.cancel();
        ended = co_await tasks.join(after(stop_time));
    }
    if (!ended) all_ended = false;
    --busy;
}

}  // namespace

net::Awaitable<void> TestServer::shut_down() {
    listener_->close();
    std::atomic<std::size_t> busy = workers_.size();
    std::atomic<bool> all_ended = true;
    for (const auto& worker : workers_) {
        boost::asio::co_spawn(worker->context,
                              end_sessions(worker->sessions, worker->tasks, busy, all_ended),
                              boost::asio::detached);
    }
    while (busy != 0) co_await net::sleep_for(poll_interval);
    all_ended_ = all_ended;
    signals_->cancel();
    main_context_.stop();
}

}  // namespace sluice::test_backend
