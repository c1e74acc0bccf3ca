#pragma once

#include "auth/api/messages.hpp"
#include "auth/core/audit_event.hpp"
#include "common/base/result.hpp"
#include "common/base/time.hpp"

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// The life of one link. Pure: every function takes the session as it is and the time, and returns
// what it becomes together with the audit events of that step. The store writes both in one
// transaction, so neither exists without the other.
//
//   requested --open--> opened --begin_approval--> approving --delivered--> approved --> connected
//       |                 |  |                        |                        |
//       |                 |  +--deny--> denied        +--> failed | abandoned  +--> abandoned
//       +----- expired | abandoned ----+
namespace sluice::auth {

enum class LinkState {
    requested,  // the client waits, nobody opened the link
    opened,     // one user opened it: it belongs to that user
    approving,  // approved by the user, the proxy is being told
    approved,   // the proxy took the approval
    connected,  // the proxy reports that the client is in
    denied,
    expired,
    abandoned,  // the client went away
    failed,     // the proxy could not be told
};
inline constexpr std::array<LinkState, 9> all_link_states{LinkState::requested,
                                                          LinkState::opened,
                                                          LinkState::approving,
                                                          LinkState::approved,
                                                          LinkState::connected,
                                                          LinkState::denied,
                                                          LinkState::expired,
                                                          LinkState::abandoned,
                                                          LinkState::failed};
std::string_view to_string(LinkState state);
std::optional<LinkState> parse_link_state(std::string_view text);

// Somebody may still decide.
bool is_open(LinkState state);

struct LinkSession {
    std::string id;
    std::string phrase;
    std::string instance;
    RequestedAccess requested;  // complete: database and target are filled in
    ClientInfo client;
    LinkState state = LinkState::requested;
    WallTime created_at;
    WallTime expires_at;
    std::string claimed_by;  // e-mail; empty while nobody opened it
    std::string message;     // failed: why, for the user to read
    std::optional<std::int64_t> backend_pid;

    std::chrono::seconds left(WallTime now) const;
};

// What a step changes.
struct LinkStep {
    LinkSession session;
    std::vector<AuditEvent> events;
};

// Why a step was not taken; the session stays as it was.
enum class LinkRefusal {
    claimed,     // another user opened it
    not_opened,  // nobody opened it yet
    busy,        // the approval is on its way to the proxy
    over,        // it was decided, or ended otherwise
    user_disabled,
    grant_missing,
    target_unknown,  // the target was deleted meanwhile
};
using LinkResult = Expected<LinkStep, LinkRefusal>;

// A registration that was checked and completed by the service becomes a session.
LinkStep start_link(const LinkRegistration& registration, WallTime now);

// The user opens the link in a browser. The first one claims it; for the same user again it
// changes nothing. A session whose time is up becomes expired instead.
LinkResult open_link(const LinkSession& session, const std::string& user, WallTime now);

// What the approval depends on besides the session, read in the same transaction.
struct ApprovalFacts {
    bool user_enabled = false;
    bool granted = false;
    bool target_known = false;
};
// opened -> approving. Not final: the proxy has to take it.
LinkResult begin_approval(const LinkSession& session,
                          const std::string& user,
                          const ApprovalFacts& facts,
                          WallTime now);

// How the proxy answered.
enum class Delivery { delivered, waiter_gone, failed };
LinkResult finish_approval(const LinkSession& session,
                           Delivery delivery,
                           const std::string& message,
                           WallTime now);

LinkResult deny_link(const LinkSession& session, const std::string& user, WallTime now);

// The proxy says that the client went away. While an approval is on its way the proxy's answer
// to that decides instead, so nothing changes then, and neither after the end.
LinkResult abandon_link(const LinkSession& session, WallTime now);

// The proxy says that the time is up, or ours is.
LinkResult expire_link(const LinkSession& session, WallTime now);

// The proxy says that the client is in. May overtake finish_approval.
LinkResult connect_link(const LinkSession& session, std::int64_t backend_pid, WallTime now);

// After a restart: an approval whose answer was lost.
LinkResult recover_link(const LinkSession& session, WallTime now);

}  // namespace sluice::auth
