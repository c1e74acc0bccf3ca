#pragma once

#include "auth/core/link_session.hpp"
#include "auth/service/audit_log.hpp"
#include "auth/service/metrics.hpp"
#include "auth/service/notifier.hpp"
#include "auth/service/store_access.hpp"
#include "common/crypto/secret_box.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sluice::auth {

// A link as one user may see it now.
struct LinkView {
    enum class Kind {
        unknown,   // no such link
        claimed,   // another user's: nothing of it is shown
        decide,    // waits for this user's decision
        no_grant,  // opened, but the user may not approve it
        outcome,   // over
    } kind = Kind::unknown;
    LinkSession session;
    std::string administrators;  // no_grant: whom to ask
};

// Why a registration was refused, for the proxy.
struct Refusal {
    int status = 0;
    std::string code;
    std::string message;
};

// What happens to link sessions: registration by a proxy, decisions by users, reports, time.
// Performs the steps of core/link_session.hpp in the store, tells the proxies, writes the audit.
// Any thread; all state is in the store.
//   errors: kind storage: the database failed and nothing was changed
class LinkService {
public:
    LinkService(StoreAccess& store,
                const Notifier& notifier,
                const crypto::SecretBox& box,
                AuditLog& audit,
                AuthMetrics& metrics)
        : store_(store), notifier_(notifier), box_(box), audit_(audit), metrics_(metrics) {}

    net::Awaitable<Result<Expected<LinkSession, Refusal>>> register_link(
        LinkRegistration registration);

    // The first signed-in user who looks at a link claims it.
    net::Awaitable<Result<LinkView>> open(std::string id, std::string user);
    // The same without claiming, for polling.
    net::Awaitable<Result<LinkView>> look(std::string id, std::string user);
    net::Awaitable<Result<LinkView>> approve(std::string id, std::string user);
    net::Awaitable<Result<LinkView>> deny(std::string id, std::string user);

    // False: no such session.
    net::Awaitable<Result<bool>> abandon(std::string id);
    net::Awaitable<Result<bool>> expire(std::string id);
    enum class Report { taken, unknown, not_approved };
    net::Awaitable<Result<Report>> connected(std::string id, std::int64_t backend_pid);

    // Ends the sessions whose time is up and approvals that got stuck; sets the gauge.
    net::Awaitable<Result<void>> expire_due();
    // After a start: approvals whose answer was lost.
    net::Awaitable<Result<void>> recover();

private:
    struct Decision {
        std::optional<LinkFacts> facts;  // with the session as it is now; nullopt: no such session
        std::optional<LinkRefusal> refusal;
    };
    net::Awaitable<Result<Decision>> decide(std::string id, std::string user, Store::Decide step);
    net::Awaitable<Result<LinkView>> view(Decision decision, std::string user);
    net::Awaitable<Notifier::Outcome> tell_approval(LinkFacts facts);
    net::Awaitable<Result<Expected<std::string, Refusal>>> choose_target(std::string requested);
    void publish(const LinkStep& step);

    StoreAccess& store_;
    const Notifier& notifier_;
    const crypto::SecretBox& box_;
    AuditLog& audit_;
    AuthMetrics& metrics_;
};

}  // namespace sluice::auth
