#include "proxy/management/management_server.hpp"

#include "backend/auth/jwt.hpp"
#include "common/base/text.hpp"

namespace sluice::proxy {

namespace {

using pg::ErrorFields;
namespace sqlstate = pg::sqlstate;

// sluice-auth holds one connection a notification under way.
constexpr std::size_t connections_max = 256;

// Gives the place of a connection back when that ends.
class Place {
public:
    explicit Place(std::atomic<std::size_t>& taken) : taken_(taken) {}
    ~Place() { --taken_; }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

private:
    std::atomic<std::size_t>& taken_;
};

std::shared_ptr<const crypto::PublicKey> load_key(const ManagementConfig& config) {
    if (config.auth == ManagementConfig::Auth::trust) return nullptr;
    auto key = crypto::PublicKey::load(*config.jwt_public_key);
    if (!key) throw StartupError("management.jwt_public_key: " + key.error().message());
    return std::make_shared<const crypto::PublicKey>(std::move(*key));
}

}  // namespace

ManagementHandler::ManagementHandler(Services& services,
                                     std::shared_ptr<const crypto::PublicKey> key,
                                     log::Log log)
    : services_(services), key_(std::move(key)), log_(std::move(log)) {}

std::optional<ErrorFields> ManagementHandler::startup(const pg::StartupMessage&) {
    return std::nullopt;
}

std::optional<ErrorFields> ManagementHandler::check_token(std::string_view token) {
    pg::JwtPolicy policy;
    policy.issuer = "sluice-auth";
    policy.audience = "sluice-proxy:" + services_.config.get()->link->instance;
    policy.scope = "management";
    const auto claims = pg::verify_jwt(token, *key_, policy, std::chrono::system_clock::now());
    if (claims) return std::nullopt;
    log_.warn("management token refused", {{"reason", claims.error().message()}});
    return ErrorFields::fatal(sqlstate::invalid_authorization, "the management token is not valid");
}

std::optional<std::vector<pg::Column>> ManagementHandler::describe(std::string_view) {
    pg::Column column;
    column.name = "data";
    return std::vector<pg::Column>{column};
}

net::Awaitable<pg::QueryOutcome> ManagementHandler::process_query(pg::PostgresBackend& backend,
                                                                  std::string query) {
    auto error = deliver(query);
    if (error) co_return pg::QueryError(std::move(*error));
    backend.row_description(*describe(query));
    const std::optional<std::string> ok = "ok";
    SLUICE_ASSERT(pg::encode_data_row(backend.out(), std::span(&ok, 1)));
    pg::encode_command_complete(backend.out(), "SELECT 1");
    co_return pg::QueryOutcome();
}

std::optional<ErrorFields> ManagementHandler::deliver(std::string_view query) {
    auto notification = auth::parse_notification(query);
    if (!notification) {
        return refuse(ManagementResult::bad_request,
                      sqlstate::internal_error,
                      "Failed to parse query as json: " + notification.error().message());
    }
    const std::string id = notification->session_id;
    LinkOutcome outcome;
    if (auto* success = std::get_if<auth::LinkSuccess>(&notification->result)) {
        const auto config = services_.config.get();
        if (!config->management->allowed_targets.allows(success->host, success->port)) {
            // The person has decided already: the client learns now that it leads nowhere.
            services_.waiters.notify(id,
                                     auth::LinkFailure{"this proxy does not lead to that target"});
            return refuse(ManagementResult::forbidden_host,
                          sqlstate::invalid_authorization,
                          "target " + printable(success->host) + ":" +
                              std::to_string(success->port) +
                              " is not in management.allowed_targets of this proxy");
        }
        outcome = std::move(*success);
    } else {
        outcome = std::get<auth::LinkFailure>(std::move(notification->result));
    }
    if (!services_.waiters.notify(id, std::move(outcome))) {
        return refuse(ManagementResult::unknown_session,
                      sqlstate::internal_error,
                      "Notify failed: waiter `" + printable(id, 64) + "` not registered");
    }
    services_.metrics.management_requests[ManagementResult::delivered].add();
    log_.info("link result delivered", {{"link_session", id}});
    return std::nullopt;
}

std::optional<ErrorFields> ManagementHandler::refuse(ManagementResult result,
                                                     std::string_view code,
                                                     std::string text) {
    services_.metrics.management_requests[result].add();
    log_.warn("management request refused", {{"reason", text}});
    return ErrorFields::error(code, std::move(text));
}

ManagementServer::ManagementServer(Services& services,
                                   net::IoThreads& threads,
                                   std::vector<std::unique_ptr<Worker>>& workers)
    : services_(services), config_(*services.config.get()->management), key_(load_key(config_)) {
    if (config_.tls) {
        tls_ = std::make_shared<net::ReloadingTlsContext>(*config_.tls,
                                                          net::TlsServerContext::Alpn::postgresql);
    }
    listener_ = std::make_unique<net::Listener>(
        threads,
        config_.listen,
        [this, &workers](std::size_t worker, std::unique_ptr<net::SocketStream> stream) {
            if (take_place()) workers[worker]->tasks.spawn(serve(std::move(stream)));
        });
}

bool ManagementServer::take_place() {
    const std::size_t taken = ++connections_;
    if (taken <= connections_max / 2) full_ = false;
    if (taken <= connections_max) return true;
    --connections_;
    if (!full_.exchange(true)) {
        log::Log().warn("management port is full, connections to it are closed",
                        {{"connections_max", connections_max}});
    }
    return false;
}

net::Awaitable<void> ManagementServer::serve(std::unique_ptr<net::SocketStream> stream) {
    const Place place(connections_);
    const auto log = log::Log()
                         .with("conn", services_.next_connection_id.fetch_add(1))
                         .with("management_client", stream->peer());
    pg::PostgresBackend::Options options;
    using Authentication = pg::PostgresBackend::Authentication;
    options.authentication = key_ ? Authentication::jwt : Authentication::trust;
    if (tls_) options.handshake.tls = tls_->current();
    options.handshake.tls_required = tls_ != nullptr;
    options.server_version = "14.1";
    ManagementHandler handler(services_, key_, log);
    pg::PostgresBackend backend(std::move(options), log);
    co_await backend.run(std::move(stream), handler);
}

}  // namespace sluice::proxy
