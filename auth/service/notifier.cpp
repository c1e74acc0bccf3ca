#include "auth/service/notifier.hpp"

#include "auth/core/management_token.hpp"
#include "auth/service/store_access.hpp"
#include "backend/client/postgres_client.hpp"
#include "common/base/startup_error.hpp"
#include "common/crypto/random_bytes.hpp"
#include "common/net/backoff.hpp"
#include "common/net/timer.hpp"
#include "common/observability/log.hpp"

namespace sluice::auth {

namespace {

using std::chrono::steady_clock;
using std::chrono::system_clock;

constexpr std::chrono::seconds push_time_max(8);
constexpr std::chrono::seconds attempt_time_max(4);
constexpr std::size_t answer_bytes_max = 64U << 10U;

// The proxy's words when nobody waits for this session any more.
bool is_waiter_gone(const pg::ClientError& error) {
    if (!error.server) return false;
    const std::string& message = error.server->message;
    return message.find("not registered") != std::string::npos ||
           message.find("channel hangup") != std::string::npos;
}

bool is_ok(const pg::QueryResult& result) {
    return result.rows.size() == 1 && result.rows.front().size() == 1 &&
           result.rows.front().front() == "ok";
}

Notifier::Outcome failed(std::string message) {
    return Notifier::Outcome{Delivery::failed, std::move(message)};
}

std::string describe(const pg::ClientError& error) {
    return error.server ? error.server->message : error.error.message();
}

Notifier::Outcome outcome_of(const pg::ClientResult<pg::QueryResult>& answer) {
    if (answer && is_ok(*answer)) return Notifier::Outcome{Delivery::delivered, {}};
    if (answer) return failed("The proxy gave an answer that is not understood.");
    if (is_waiter_gone(answer.error())) {
        return Notifier::Outcome{Delivery::waiter_gone, "nobody waits at the proxy"};
    }
    // The server's own words are about our request; transport errors go to the log only.
    if (answer.error().server)
        return failed("The proxy refused: " + answer.error().server->message);
    return failed("The proxy did not answer.");
}

}  // namespace

ManagementNotifier::ManagementNotifier(const std::vector<ProxyConfig>& proxies,
                                       crypto::PrivateKey key,
                                       AuthMetrics& metrics)
    : key_(std::move(key)), metrics_(metrics) {
    for (const ProxyConfig& config : proxies) {
        Proxy proxy{config, nullptr};
        if (config.tls != net::TlsMode::disable) {
            auto context = net::TlsClientContext::make(config.tls, config.ca);
            if (!context) {
                throw StartupError("proxies: " + config.name + ": " + context.error().message());
            }
            proxy.tls = std::move(*context);
        }
        proxies_.emplace(config.name, std::move(proxy));
    }
}

net::Awaitable<Notifier::Outcome> ManagementNotifier::push(std::string instance,
                                                           Notification notification) const {
    const auto found = proxies_.find(instance);
    if (found == proxies_.end()) {
        co_return failed("The proxy is not in the configuration any more.");
    }
    Outcome outcome = co_await deliver(found->second, encode(notification));
    metrics_.notification(outcome.delivery);
    co_return std::move(outcome);
}

net::Awaitable<Notifier::Outcome> ManagementNotifier::deliver(const Proxy& proxy,
                                                              std::string query) const {
    boost::asio::io_context* context = co_await current_context();
    const Deadline deadline = steady_clock::now() + push_time_max;
    const log::Log log = log::Log().with("proxy", proxy.config.name);
    net::Backoff backoff;
    for (;;) {
        pg::ConnectOptions options;
        options.host = proxy.config.management.host;
        options.port = proxy.config.management.port;
        options.tls = proxy.tls;
        options.user = "sluice";
        options.database = "management";
        options.password = management_token(key_, proxy.config.name, system_clock::now());
        options.pool = &key_derivation_;
        options.deadline = std::min<Deadline>(deadline, steady_clock::now() + attempt_time_max);
        auto client = co_await pg::PostgresClient::connect(*context, std::move(options));
        if (client) {
            auto answer = co_await (*client)->simple_query(query, deadline, answer_bytes_max);
            if (!answer) log.warn("notification failed", {{"reason", describe(answer.error())}});
            co_await (*client)->close();
            co_return outcome_of(answer);
        }
        log.warn("management port refused", {{"reason", describe(client.error())}});
        if (client.error().server) {
            co_return failed("The proxy did not let sluice-auth in.");
        }
        const Deadline next = steady_clock::now() + backoff.next(crypto::random_u64());
        if (next >= deadline) co_return failed("The proxy cannot be reached.");
        const bool slept = co_await net::sleep_until(next);
        if (!slept) co_return failed("sluice-auth is shutting down.");
    }
}

}  // namespace sluice::auth
