#include "proxy/session/session.hpp"

#include "backend/client/postgres_client.hpp"
#include "backend/protocol/backend.hpp"
#include "backend/server/farewell.hpp"
#include "common/base/text.hpp"
#include "proxy/authn/link_text.hpp"
#include "proxy/routing/target.hpp"

namespace sluice::proxy {

namespace {

using pg::ErrorFields;
namespace sqlstate = pg::sqlstate;
using Clock = std::chrono::steady_clock;

// The newest minor protocol version that we speak with clients: 3.2 has longer cancel keys.
constexpr std::uint16_t newest_minor = 2;
constexpr std::size_t short_key_bytes = 4;  // protocol 3.0
constexpr std::size_t long_key_bytes = 32;  // protocol 3.2
constexpr std::chrono::seconds cancel_timeout{10};
constexpr std::chrono::seconds send_timeout{10};
constexpr std::size_t login_body_bytes_max = 64U << 10U;

LoginFailure compute_failure(Error error, const std::string& target) {
    const std::string reason = error.code ? ": " + error.code.message() : "";
    const std::string name =
        target.empty() ? "the target" : "target \"" + printable(target, 64) + "\"";
    auto tell =
        ErrorFields::fatal(sqlstate::unable_to_connect, "could not connect to " + name + reason);
    return {std::move(error).as(ErrorKind::compute), std::move(tell), {}};
}

LoginFailure compute_refusal(pg::ClientError refusal, const std::string& target) {
    if (refusal.response.empty()) return compute_failure(std::move(refusal.error), target);
    return {
        std::move(refusal.error).as(ErrorKind::compute), std::nullopt, std::move(refusal.response)};
}

// Where no password is stored, a login that failed at our side, not by a word of the server or the
// network, wanted one.
LoginFailure approved_refusal(pg::ClientError refusal,
                              const auth::LinkSuccess& success,
                              const std::string& target) {
    const bool ours = refusal.response.empty() && !refusal.error.code;
    if (success.password || !ours || target.empty())
        return compute_refusal(std::move(refusal), target);
    return {std::move(refusal.error).as(ErrorKind::compute),
            no_password_refusal(target, success.user),
            {}};
}

std::string text_of(const pg::StartupMessage& startup, std::string_view name) {
    return std::string(startup.find(name).value_or(""));
}

// What the compute shall know of the client's startup packet beside user and database.
std::vector<std::pair<std::string, std::string>> compute_parameters(
    const pg::StartupMessage& startup, const std::string& remaining_options) {
    std::vector<std::pair<std::string, std::string>> parameters;
    for (const auto& [name, value] : startup.parameters) {
        const bool ours =
            name == "user" || name == "database" || name == "options" || name.starts_with("_pq_.");
        if (!ours) parameters.emplace_back(name, value);
    }
    if (!remaining_options.empty()) parameters.emplace_back("options", remaining_options);
    return parameters;
}

std::size_t client_key_bytes(const pg::StartupMessage& startup) {
    return startup.version.minor >= newest_minor ? long_key_bytes : short_key_bytes;
}

net::Awaitable<void> tell_connected(Services& services,
                                    Worker& worker,
                                    std::string session_id,
                                    std::int64_t backend_pid,
                                    log::Log log) {
    const auto told =
        co_await services.link_api->connected(worker.context, session_id, backend_pid);
    if (!told)
        log.warn("sluice-auth was not told of a connection",
                 {{"error", told.error().error.message()}});
}

net::Awaitable<void> send_cancel(Services& services,
                                 Worker& worker,
                                 CancelRegistry::Target target,
                                 log::Log log) {
    pg::ConnectOptions options;
    options.host = target.compute->host;
    options.port = target.compute->port;
    options.tls = target.compute->tls;
    options.deadline = Clock::now() + cancel_timeout;
    const auto sent = co_await pg::PostgresClient::cancel(
        worker.context, std::move(options), std::move(target.request));
    const auto result = sent ? CancelResult::forwarded : CancelResult::failed;
    services.metrics.cancel_requests[result].add();
    if (!sent)
        log.warn("cancel request did not reach the compute", {{"error", sent.error().message()}});
}

}  // namespace

Session::Session(Services& services, Worker& worker, ListenerRuntime& listener)
    : services_(services),
      worker_(worker),
      listener_(listener),
      log_(log::Log().with("conn", services.next_connection_id.fetch_add(1))),
      state_(services.metrics, ConnectionState::handshake) {
    worker_.sessions.insert(this);
    ++services_.connections;
    listener_.metrics.opened.add();
}

Session::~Session() {
    if (!cancel_key_.key().empty()) services_.metrics.cancel_keys.add(-1);
    listener_.metrics.closed.add();
    --services_.connections;
    worker_.sessions.erase(this);
}

net::Awaitable<void> Session::run(std::unique_ptr<net::SocketStream> socket) {
    auto established = co_await log_in(std::move(socket));
    if (established) co_await pass_through(std::move(*established));
}

net::Awaitable<std::optional<Session::Established>> Session::log_in(
    std::unique_ptr<net::SocketStream> socket) {
    const std::string client = socket->peer();
    log_ = log_.with("client", client);
    pg::ServerHandshakeOptions options;
    if (listener_.tls) options.tls = listener_.tls->current();
    options.tls_required = listener_.config.tls_required && listener_.tls != nullptr;
    options.insecure_text = "connection is insecure (try using `sslmode=require`)";
    options.deadline = Clock::now() + services_.config.get()->handshake_timeout;
    auto opened = co_await pg::server_handshake(std::move(socket), std::move(options));
    if (!opened) {
        const LoginFailure failure{std::move(opened).error(), std::nullopt, {}};
        log_refusal(failure);
        co_return std::nullopt;
    }
    if (!*opened) {
        log_.debug("connection closed before it said anything");
        co_return std::nullopt;
    }
    pg::Opening opening = std::move(**opened);
    if (auto* request = std::get_if<pg::CancelRequest>(&opening.request)) {
        co_await cancel(std::move(*request), opening.stream->peer_address());
        co_return std::nullopt;
    }
    if (services_.draining) {
        LoginFailure failure{Error(ErrorKind::limit, "shutting down"),
                             ErrorFields::fatal(sqlstate::cannot_connect_now,
                                                "this proxy is shutting down; connect again"),
                             {}};
        co_await refuse(*opening.stream, std::move(failure));
        co_return std::nullopt;
    }
    if (services_.connections > services_.config.get()->max_connections) {
        LoginFailure failure{
            Error(ErrorKind::limit, "limits.max_connections reached"),
            ErrorFields::fatal(sqlstate::too_many_connections, "sorry, too many clients already"),
            {}};
        co_await refuse(*opening.stream, std::move(failure));
        co_return std::nullopt;
    }
    if (listener_.config.auth == ListenerConfig::Auth::forward) {
        auto result = co_await log_in_forward(opening);
        if (result) co_return std::move(*result);
        co_await refuse(*opening.stream, std::move(result).error());
        co_return std::nullopt;
    }
    const auto startup = std::get<pg::StartupMessage>(std::move(opening.request));
    opening.stream->set_deadline(no_deadline);
    pg::FramedStream framed(
        std::move(opening.stream), std::move(opening.received), login_body_bytes_max);
    auto result = co_await log_in_link(
        framed, startup, std::move(opening.server_name), std::move(opening.tls_version));
    if (result) co_return std::move(*result);
    co_await refuse(framed.stream(), std::move(result).error());
    co_return std::nullopt;
}

// The compute answers the startup packet itself; pass_through() relays the dialogue.
net::Awaitable<Session::LoginResult> Session::log_in_forward(pg::Opening& opening) {
    state_.become(ConnectionState::connecting);
    const auto config = services_.config.get();
    const auto started = Clock::now();
    const auto deadline = started + config->connect_timeout;
    pg::ConnectOptions options;
    options.host = listener_.compute->host;
    options.port = listener_.compute->port;
    options.tls = listener_.compute->tls;
    options.deadline = deadline;
    auto compute = co_await pg::PostgresClient::open_stream(worker_.context, std::move(options));
    if (!compute) co_return compute_failure(std::move(compute).error(), listener_.config.compute);
    const std::chrono::duration<double> took = Clock::now() - started;
    services_.metrics.compute_connect_seconds.observe(took.count());
    auto sent = co_await (*compute)->write_all(opening.startup_bytes);
    if (!sent) co_return compute_failure(std::move(sent).error(), listener_.config.compute);

    Established established;
    established.client = std::move(opening.stream);
    established.compute = std::move(*compute);
    established.address = listener_.compute;
    established.from_client = std::move(opening.received);
    co_return established;
}

net::Awaitable<Session::LoginResult> Session::log_in_link(pg::FramedStream& client,
                                                          const pg::StartupMessage& startup,
                                                          std::string server_name,
                                                          std::string tls_version) {
    const auto config = services_.config.get();
    auto choice = choose_target(startup, server_name, config->domains);
    if (!choice) {
        const std::string text = choice.error().detail;
        co_return LoginFailure{std::move(choice).error(),
                               ErrorFields::fatal(sqlstate::invalid_authorization, text),
                               {}};
    }
    auth::RequestedAccess requested;
    requested.role = startup.user();
    requested.database = startup.database();
    requested.target = choice->target;
    auth::ClientInfo info;
    info.address = client.stream().peer_address();
    info.application_name = text_of(startup, "application_name");
    info.tls = tls_version;
    Bytes negotiation;
    if (const auto answer = pg::negotiate(startup, newest_minor)) {
        pg::encode_negotiate_protocol_version(negotiation, *answer);
    }

    state_.become(ConnectionState::link_wait);
    LinkFlow flow(services_, worker_, log_);
    link_flow_ = &flow;
    auto approval =
        co_await flow.run(client, std::move(requested), std::move(info), std::move(negotiation));
    link_flow_ = nullptr;
    if (!approval) co_return std::move(approval).error();
    log_ = log_.with("link_session", approval->session_id);
    log_.info("link approved", {{"approver", approval->success.approver}});
    co_return co_await connect_approved(client, startup, std::move(*approval), std::move(*choice));
}

net::Awaitable<Session::LoginResult> Session::connect_approved(pg::FramedStream& client,
                                                               const pg::StartupMessage& startup,
                                                               LinkFlow::Approval approval,
                                                               TargetChoice choice) {
    state_.become(ConnectionState::connecting);
    const auth::LinkSuccess& success = approval.success;
    const std::string target = success.target.empty() ? choice.target : success.target;
    const auto tls = services_.compute_tls(success);
    if (!tls) co_return compute_failure(tls.error(), target);
    const auto started = Clock::now();
    pg::ConnectOptions options;
    options.host = success.host;
    options.port = success.port;
    options.tls = *tls;
    options.user = success.user;
    options.database = success.dbname;
    options.password = success.password.value_or(Secret());
    options.parameters = compute_parameters(startup, choice.remaining_options);
    options.pool = &worker_.key_derivation;
    options.deadline = started + services_.config.get()->connect_timeout;
    auto connected = co_await pg::PostgresClient::connect(worker_.context, std::move(options));
    if (!connected) co_return approved_refusal(std::move(connected).error(), success, target);
    const std::chrono::duration<double> took = Clock::now() - started;
    services_.metrics.compute_connect_seconds.observe(took.count());

    Established established;
    established.address =
        std::make_shared<const ComputeAddress>(ComputeAddress{success.host, success.port, *tls});
    established.logged_in = true;
    pg::PostgresClient& compute = **connected;
    if (services_.config.get()->link->greeting == LinkConfig::Greeting::standard) {
        pg::encode_notice_response(client.out(), approval_notice(success, target));
    }
    append(client.out(), compute.login_messages());
    const Bytes key = exchange_key(established.address, compute.key(), client_key_bytes(startup));
    SLUICE_ASSERT(pg::encode_backend_key_data(client.out(), compute.key().pid, key));
    pg::encode_ready_for_query(client.out(), compute.transaction_status());
    client.stream().set_deadline(Clock::now() + send_timeout);
    auto flushed = co_await client.flush();
    if (!flushed) {
        co_return LoginFailure{
            std::move(flushed).error().as(ErrorKind::client_disconnect), std::nullopt, {}};
    }
    client.stream().set_deadline(no_deadline);
    if (services_.link_api) {
        worker_.tasks.spawn(
            tell_connected(services_, worker_, approval.session_id, compute.key().pid, log_));
    }
    auto compute_parts = std::move(compute).release();
    auto client_parts = std::move(client).release();
    compute_parts.stream->set_deadline(no_deadline);
    established.client = std::move(client_parts.stream);
    established.from_client = std::move(client_parts.received);
    established.compute = std::move(compute_parts.stream);
    established.from_compute = std::move(compute_parts.received);
    co_return established;
}

Bytes Session::exchange_key(const std::shared_ptr<const ComputeAddress>& address,
                            const pg::BackendKey& key,
                            std::size_t key_size) {
    if (!cancel_key_.key().empty()) return cancel_key_.key();
    cancel_key_ = services_.cancels.add(address, key, key_size);
    services_.metrics.cancel_keys.add(1);
    return cancel_key_.key();
}

// A cancel request gets no answer; the client takes the end of the connection as completion, so
// that comes after the compute has closed its side.
net::Awaitable<void> Session::cancel(pg::CancelRequest request, std::string client_address) {
    if (!services_.cancel_rate.allow(client_address, Clock::now())) {
        services_.metrics.cancel_requests[CancelResult::limited].add();
        log_.warn("too many cancel requests from this source");
        co_return;
    }
    auto target = services_.cancels.find(request);
    if (!target) {
        services_.metrics.cancel_requests[CancelResult::not_found].add();
        log_.info("cancel request with an unknown key");
        co_return;
    }
    co_await send_cancel(services_, worker_, std::move(*target), log_);
}

net::Awaitable<void> Session::refuse(net::ByteStream& client, LoginFailure failure) {
    log_refusal(failure);
    client.set_deadline(Clock::now() + send_timeout);
    if (!failure.relay.empty()) {
        const auto sent = co_await client.write_all(failure.relay);
        if (sent) co_await client.shutdown_send();
    } else if (failure.tell) {
        co_await pg::send_error_and_close(client, std::move(*failure.tell));
    }
}

void Session::log_refusal(const LoginFailure& failure) {
    services_.metrics.errors[failure.error.kind].add();
    const bool gone = failure.error.kind == ErrorKind::client_disconnect;
    const bool serious = failure.error.kind == ErrorKind::internal;
    const bool degraded =
        failure.error.kind == ErrorKind::control_plane || failure.error.kind == ErrorKind::compute;
    const auto level = serious ? log::Level::error : degraded ? log::Level::warn : log::Level::info;
    log_.write(gone ? log::Level::info : level,
               "connection refused",
               {{"kind", to_string(failure.error.kind)}, {"reason", failure.error.message()}});
}

// The relay threads copy; this coroutine sleeps until they are done.
net::Awaitable<void> Session::pass_through(Established established) {
    const auto passthrough = begin_passthrough(established);
    net::OneShot<bool> finished(worker_.context);
    auto done = [setter = finished.setter()] { setter.set(true); };
    services_.relays.add(passthrough, std::move(done));
    established = Established();
    // Until the relay thread lets go of it, also when this coroutine is cancelled.
    co_await finished.wait_to_the_end();
    const auto summary = passthrough->summary();
    if (summary.query_abandoned) cancel_abandoned_query();
    log_end(summary);
}

// The callbacks run on a relay thread while this coroutine sleeps.
std::shared_ptr<Passthrough> Session::begin_passthrough(Established& established) {
    const bool client_is_plain = !established.client->encrypted();
    const bool compute_has_tls = established.compute->encrypted();
    auto passthrough = std::make_shared<Passthrough>(std::move(established.client),
                                                     std::move(established.compute),
                                                     services_.metrics,
                                                     Passthrough::Options());
    if (established.logged_in) {
        passthrough->expect_queries();
        state_.become(ConnectionState::active);
    } else {
        const bool only_compute_has_tls = client_is_plain && compute_has_tls;
        const auto channel_binding = only_compute_has_tls ? LoginRelay::ChannelBinding::hide
                                                          : LoginRelay::ChannelBinding::pass;
        LoginRelay relay(
            [this, address = established.address](const pg::BackendKey& key) {
                return exchange_key(address, key, key.key.size());
            },
            channel_binding);
        const auto deadline = Clock::now() + services_.config.get()->handshake_timeout;
        passthrough->expect_login(
            std::move(relay), deadline, [this] { state_.become(ConnectionState::active); });
    }
    passthrough->begin_with(std::move(established.from_client),
                            std::move(established.from_compute));
    return passthrough;
}

void Session::cancel_abandoned_query() {
    if (cancel_key_.key().empty()) return;
    pg::CancelRequest request;
    request.pid = cancel_key_.pid();
    request.key = cancel_key_.key();
    auto target = services_.cancels.find(request);
    if (target) worker_.tasks.spawn(send_cancel(services_, worker_, std::move(*target), log_));
}

void Session::log_end(const SessionSummary& summary) {
    log_.info("session ended",
              {{"reason", to_string(summary.end)},
               {"detail", summary.detail},
               {"bytes_to_client", summary.bytes_to_client},
               {"bytes_to_compute", summary.bytes_to_compute}});
}

void Session::drain() {
    if (link_flow_ != nullptr) link_flow_->drain();
}

}  // namespace sluice::proxy
