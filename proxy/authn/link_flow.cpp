#include "proxy/authn/link_flow.hpp"

#include "backend/protocol/backend.hpp"
#include "common/base/hex.hpp"
#include "common/base/text.hpp"
#include "common/base/units.hpp"
#include "common/crypto/random_bytes.hpp"
#include "common/net/race.hpp"
#include "proxy/authn/link_text.hpp"
#include "proxy/routing/allow_list.hpp"

namespace sluice::proxy {

namespace {

using AbandonReason = auth::LinkApi::AbandonReason;
using pg::ErrorFields;
namespace sqlstate = pg::sqlstate;

// A driver may send its first query before the login is over; more than that is no login.
constexpr std::size_t pipelined_bytes_max = 64U << 10U;

// Bounds on the whole: the wait itself has `link.timeout`.
constexpr std::chrono::seconds notice_timeout{10};

// Counts one pending link while it lives.
class PendingGauge {
public:
    explicit PendingGauge(metrics::Gauge& gauge) : gauge_(gauge) { gauge_.add(1); }
    ~PendingGauge() { gauge_.add(-1); }
    PendingGauge(const PendingGauge&) = delete;
    PendingGauge& operator=(const PendingGauge&) = delete;

private:
    metrics::Gauge& gauge_;
};

LoginFailure refuse(ErrorKind kind, std::string detail, std::string_view code, std::string text) {
    return {Error(kind, std::move(detail)), ErrorFields::fatal(code, std::move(text)), {}};
}

LoginFailure client_gone(Error error) {
    return {std::move(error).as(ErrorKind::client_disconnect).with("while waiting for approval"),
            {},
            {}};
}

LoginFailure over_quota(SourceQuota::Refusal refusal) {
    const bool source = refusal == SourceQuota::Refusal::source;
    return refuse(
        ErrorKind::limit,
        source ? "too many pending links from this source" : "too many pending links",
        sqlstate::too_many_connections,
        source ? "too many links from your address wait for approval; approve or close some first"
               : "too many links wait for approval; try again later");
}

LoginFailure not_registered(const auth::LinkApiError& failure) {
    if (failure.error.kind == ErrorKind::client) {
        return {Error(ErrorKind::client, failure.error.message()),
                registration_refusal(failure.answer),
                {}};
    }
    return refuse(ErrorKind::control_plane,
                  failure.error.message(),
                  sqlstate::connection_rejected,
                  "the sign-in service cannot be reached; try again later");
}

}  // namespace

LinkFlow::LinkFlow(Services& services, Worker& worker, log::Log log)
    : services_(services), worker_(worker), log_(std::move(log)), config_(services.config.get()) {}

net::Awaitable<Expected<LinkFlow::Approval, LoginFailure>> LinkFlow::run(
    pg::FramedStream& client,
    auth::RequestedAccess requested,
    auth::ClientInfo info,
    Bytes negotiation) {
    const std::string client_address = info.address;
    SourceQuota::Refusal refusal{};
    const auto permit = services_.pending_links.acquire(client_address, refusal);
    if (!permit) co_return ended(LinkResult::rejected, over_quota(refusal));
    const PendingGauge pending(services_.metrics.link_pending);

    // Neon's consoles know ids of 16 hex digits only.
    do {
        session_id_ = config_->link->api ? crypto::random_id() : to_hex(crypto::random_bytes(8));
        waiter_.reset();
        auto waiter = services_.waiters.add(worker_.context, session_id_);
        if (waiter) waiter_.emplace(std::move(*waiter));
    } while (!waiter_);

    auth::LinkRegistration registration;
    registration.session_id = session_id_;
    registration.phrase = make_phrase(services_.phrase_key, session_id_);
    registration.instance = config_->link->instance;
    registration.ttl = std::chrono::duration_cast<std::chrono::seconds>(config_->link->timeout);
    registration.requested = std::move(requested);
    registration.client = std::move(info);

    const auto shown = std::chrono::steady_clock::now();
    auto failure = co_await announce(client, std::move(registration), std::move(negotiation));
    if (failure) co_return std::move(*failure);
    auto outcome = co_await wait(client, shown + config_->link->timeout);
    const std::chrono::duration<double> waited = std::chrono::steady_clock::now() - shown;
    services_.metrics.link_wait_seconds.observe(waited.count());
    waiter_.reset();
    if (!outcome) co_return std::move(outcome).error();
    co_return decide(std::move(*outcome), client_address);
}

// Tells sluice-auth, then the client.
net::Awaitable<std::optional<LoginFailure>> LinkFlow::announce(pg::FramedStream& client,
                                                               auth::LinkRegistration registration,
                                                               Bytes negotiation) {
    const auto notice = link_notice(*config_->link,
                                    session_id_,
                                    registration.phrase,
                                    registration.requested,
                                    registration.client.address);
    if (services_.link_api) {
        const auto registered =
            co_await services_.link_api->register_session(worker_.context, std::move(registration));
        if (!registered) {
            // The request may have arrived and only its answer be lost.
            if (registered.error().error.kind == ErrorKind::control_plane) {
                abandon(AbandonReason::abandoned);
            }
            co_return ended(LinkResult::error, not_registered(registered.error()));
        }
    }
    log_.info("link shown", {{"link_session", session_id_}});

    append(client.out(), negotiation);
    pg::encode_authentication_ok(client.out());
    pg::encode_parameter_status(client.out(), "client_encoding", "UTF8");
    pg::encode_notice_response(client.out(), notice);
    client.stream().set_deadline(std::chrono::steady_clock::now() + notice_timeout);
    auto sent = co_await client.flush();
    client.stream().set_deadline(no_deadline);
    if (!sent) {
        abandon(AbandonReason::abandoned);
        co_return ended(LinkResult::abandoned, client_gone(std::move(sent).error()));
    }
    co_return std::nullopt;
}

net::Awaitable<Expected<LinkOutcome, LoginFailure>> LinkFlow::wait(pg::FramedStream& client,
                                                                   Deadline deadline) {
    for (;;) {
        auto first =
            co_await net::race(client.read_ahead(pipelined_bytes_max), waiter_->wait(deadline));
        if (auto* outcome = std::get_if<1>(&first)) {
            if (*outcome) co_return std::move(**outcome);
            abandon(AbandonReason::expired);
            const std::string timeout = format_duration(config_->link->timeout);
            co_return ended(LinkResult::expired,
                            refuse(ErrorKind::limit,
                                   "link expired",
                                   sqlstate::query_canceled,
                                   "the link was not approved within " + timeout +
                                       "; connect again for a new one"));
        }
        auto& read = std::get<0>(first);
        if (read && *read) continue;  // pipelined bytes: kept for the compute
        abandon(AbandonReason::abandoned);
        if (!read && read.error().kind == ErrorKind::limit) {
            co_return ended(LinkResult::error,
                            refuse(ErrorKind::client,
                                   read.error().message(),
                                   sqlstate::protocol_violation,
                                   "too much data before the login"));
        }
        Error reason(ErrorKind::client_disconnect, "", eof_error());
        if (!read) reason = read.error();
        co_return ended(LinkResult::abandoned, client_gone(std::move(reason)));
    }
}

Expected<LinkFlow::Approval, LoginFailure> LinkFlow::decide(LinkOutcome outcome,
                                                            const std::string& client_address) {
    if (std::holds_alternative<Draining>(outcome)) {
        abandon(AbandonReason::abandoned);
        return ended(LinkResult::error,
                     refuse(ErrorKind::limit,
                            "shutting down",
                            sqlstate::cannot_connect_now,
                            "this proxy is shutting down; connect again"));
    }
    if (const auto* failure = std::get_if<auth::LinkFailure>(&outcome)) {
        const std::string text = printable(failure->text);
        return ended(failure->denied() ? LinkResult::denied : LinkResult::error,
                     refuse(ErrorKind::client,
                            "not approved: " + text,
                            sqlstate::invalid_authorization,
                            "connection not approved: " + text));
    }
    auto& success = std::get<auth::LinkSuccess>(outcome);
    if (success.allowed_ips && !success.allowed_ips->empty() &&
        !address_is_listed(*success.allowed_ips, client_address)) {
        return ended(
            LinkResult::error,
            refuse(ErrorKind::client,
                   "the client's address is not on the target's list",
                   sqlstate::invalid_authorization,
                   "your address " + client_address + " is not allowed to connect to this target"));
    }
    if (success.public_access_allowed == false) {
        return ended(LinkResult::error,
                     refuse(ErrorKind::client,
                            "the target blocks public access",
                            sqlstate::invalid_authorization,
                            "this target does not take connections from this network"));
    }
    services_.metrics.link_sessions[LinkResult::approved].add();
    return Approval{session_id_, std::move(success)};
}

LoginFailure LinkFlow::ended(LinkResult result, LoginFailure failure) {
    services_.metrics.link_sessions[result].add();
    return failure;
}

void LinkFlow::drain() {
    if (waiter_) waiter_->end(Draining());
}

namespace {

net::Awaitable<void> tell_abandoned(Services& services,
                                    Worker& worker,
                                    std::string session_id,
                                    AbandonReason reason,
                                    log::Log log) {
    const auto told = co_await services.link_api->abandon(worker.context, session_id, reason);
    if (!told)
        log.warn("sluice-auth was not told that a link is void",
                 {{"error", told.error().error.message()}});
}

}  // namespace

// In the background: the client need not wait for it.
void LinkFlow::abandon(AbandonReason reason) {
    waiter_.reset();
    if (!services_.link_api) return;
    worker_.tasks.spawn(tell_abandoned(services_, worker_, session_id_, reason, log_));
}

}  // namespace sluice::proxy
