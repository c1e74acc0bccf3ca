#include "auth/core/link_session.hpp"

#include <array>
#include <utility>

namespace sluice::auth {

namespace {

constexpr std::array<std::pair<LinkState, std::string_view>, 9> state_names{{
    {LinkState::requested, "requested"},
    {LinkState::opened, "opened"},
    {LinkState::approving, "approving"},
    {LinkState::approved, "approved"},
    {LinkState::connected, "connected"},
    {LinkState::denied, "denied"},
    {LinkState::expired, "expired"},
    {LinkState::abandoned, "abandoned"},
    {LinkState::failed, "failed"},
}};

AuditEvent event_of(const LinkSession& session,
                    std::string_view event,
                    WallTime now,
                    std::string detail = {}) {
    return made_printable(AuditEvent{now,
                                     std::string(event),
                                     session.id,
                                     session.claimed_by,
                                     session.requested.role,
                                     session.requested.database,
                                     session.requested.target,
                                     session.client.address,
                                     std::move(detail)});
}

LinkStep moved_to(LinkSession session, LinkState state, WallTime now, std::string detail = {}) {
    session.state = state;
    AuditEvent event = event_of(session, to_string(state), now, std::move(detail));
    return LinkStep{std::move(session), {std::move(event)}};
}

LinkStep unchanged(const LinkSession& session) { return LinkStep{session, {}}; }

bool is_due(const LinkSession& session, WallTime now) { return now >= session.expires_at; }

std::string client_detail(const LinkSession& session) {
    std::string detail = session.client.tls.empty() ? "not encrypted" : session.client.tls;
    if (!session.client.application_name.empty()) {
        detail += ", application " + session.client.application_name;
    }
    return detail;
}

}  // namespace

std::string_view to_string(LinkState state) {
    return state_names[static_cast<std::size_t>(state)].second;
}

std::optional<LinkState> parse_link_state(std::string_view text) {
    for (const auto& [state, name] : state_names) {
        if (name == text) return state;
    }
    return std::nullopt;
}

bool is_open(LinkState state) {
    return state == LinkState::requested || state == LinkState::opened;
}

std::chrono::seconds LinkSession::left(WallTime now) const {
    if (now >= expires_at) return std::chrono::seconds(0);
    return std::chrono::ceil<std::chrono::seconds>(expires_at - now);
}

LinkStep start_link(const LinkRegistration& registration, WallTime now) {
    LinkSession session;
    session.id = registration.session_id;
    session.phrase = registration.phrase;
    session.instance = registration.instance;
    session.requested = registration.requested;
    session.client = registration.client;
    session.created_at = now;
    session.expires_at = now + registration.ttl;
    AuditEvent event = event_of(session, "requested", now, client_detail(session));
    return LinkStep{std::move(session), {std::move(event)}};
}

LinkResult open_link(const LinkSession& session, const std::string& user, WallTime now) {
    if (!session.claimed_by.empty() && session.claimed_by != user) return LinkRefusal::claimed;
    if (session.state == LinkState::approving) return LinkRefusal::busy;
    if (!is_open(session.state)) return LinkRefusal::over;
    if (is_due(session, now)) return moved_to(session, LinkState::expired, now);
    if (session.state == LinkState::opened) return unchanged(session);
    LinkSession opened = session;
    opened.claimed_by = user;
    return moved_to(std::move(opened), LinkState::opened, now);
}

LinkResult begin_approval(const LinkSession& session,
                          const std::string& user,
                          const ApprovalFacts& facts,
                          WallTime now) {
    if (!session.claimed_by.empty() && session.claimed_by != user) return LinkRefusal::claimed;
    if (session.state == LinkState::requested) return LinkRefusal::not_opened;
    if (session.state == LinkState::approving) return LinkRefusal::busy;
    if (session.state != LinkState::opened) return LinkRefusal::over;
    if (is_due(session, now)) return moved_to(session, LinkState::expired, now);
    if (!facts.user_enabled) return LinkRefusal::user_disabled;
    if (!facts.target_known) return LinkRefusal::target_unknown;
    if (!facts.granted) return LinkRefusal::grant_missing;
    LinkStep step = unchanged(session);
    step.session.state = LinkState::approving;
    return step;
}

LinkResult finish_approval(const LinkSession& session,
                           Delivery delivery,
                           const std::string& message,
                           WallTime now) {
    if (session.state != LinkState::approving) return LinkRefusal::over;
    // A report that the client is in proves the delivery, whatever became of the answer.
    const bool delivered = delivery == Delivery::delivered || session.backend_pid;
    if (!delivered && delivery == Delivery::waiter_gone) {
        return moved_to(session, LinkState::abandoned, now, "approved too late: " + message);
    }
    if (!delivered) {
        LinkSession failed = session;
        failed.message = message;
        return moved_to(std::move(failed), LinkState::failed, now, message);
    }
    LinkStep step = moved_to(session, LinkState::approved, now);
    if (session.backend_pid) {
        LinkResult connected = connect_link(step.session, *session.backend_pid, now);
        step.session = connected->session;
        step.events.push_back(connected->events.front());
    }
    return step;
}

LinkResult deny_link(const LinkSession& session, const std::string& user, WallTime now) {
    if (!session.claimed_by.empty() && session.claimed_by != user) return LinkRefusal::claimed;
    if (session.state == LinkState::requested) return LinkRefusal::not_opened;
    if (session.state == LinkState::approving) return LinkRefusal::busy;
    if (session.state != LinkState::opened) return LinkRefusal::over;
    if (is_due(session, now)) return moved_to(session, LinkState::expired, now);
    return moved_to(session, LinkState::denied, now);
}

LinkResult abandon_link(const LinkSession& session, WallTime now) {
    const bool open = is_open(session.state) || session.state == LinkState::approved;
    if (!open) return unchanged(session);
    return moved_to(session, LinkState::abandoned, now);
}

LinkResult expire_link(const LinkSession& session, WallTime now) {
    if (!is_open(session.state)) return unchanged(session);
    return moved_to(session, LinkState::expired, now);
}

LinkResult connect_link(const LinkSession& session, std::int64_t backend_pid, WallTime now) {
    if (session.state == LinkState::approving) {
        LinkStep step = unchanged(session);
        step.session.backend_pid = backend_pid;
        return step;
    }
    if (session.state != LinkState::approved) return LinkRefusal::over;
    LinkSession connected = session;
    connected.backend_pid = backend_pid;
    return moved_to(std::move(connected),
                    LinkState::connected,
                    now,
                    "backend_pid " + std::to_string(backend_pid));
}

LinkResult recover_link(const LinkSession& session, WallTime now) {
    return finish_approval(
        session, Delivery::failed, "sluice-auth was restarted while the proxy was being told", now);
}

}  // namespace sluice::auth
