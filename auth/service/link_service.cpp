#include "auth/service/link_service.hpp"

#include "auth/core/input_rules.hpp"
#include "auth/core/policy.hpp"
#include "common/base/text.hpp"
#include "common/observability/log.hpp"

#include <chrono>

namespace sluice::auth {

namespace {

using std::chrono::system_clock;

constexpr int expire_batch = 500;
// An approval takes seconds; one that is older belongs to nobody any more.
constexpr std::chrono::seconds stuck_after(60);

std::string joined(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
    return text;
}

ApprovalFacts approval_facts(const LinkFacts& facts) {
    return ApprovalFacts{facts.user && !facts.user->disabled,
                         is_granted(facts.grants, facts.session.requested),
                         facts.target.has_value()};
}

Notification approval(const LinkFacts& facts, std::optional<Secret> password) {
    LinkSuccess success;
    success.host = facts.target->host;
    success.port = facts.target->port;
    success.dbname = facts.session.requested.database;
    success.user = facts.session.requested.role;
    success.password = std::move(password);
    success.tls = facts.target->tls;
    success.approver = facts.session.claimed_by;
    success.target = facts.target->name;
    success.session = facts.session.id;
    return Notification{facts.session.id, std::move(success)};
}

}  // namespace

void LinkService::publish(const LinkStep& step) {
    for (const AuditEvent& event : step.events) {
        audit_.write(event);
        if (const auto state = parse_link_state(event.event)) metrics_.link_reached(*state);
        log::Log().info("link " + event.event,
                        {{"session", event.session_id},
                         {"user", event.user},
                         {"role", event.role},
                         {"database", event.database},
                         {"target", event.target},
                         {"client", event.client_address},
                         {"detail", event.detail}});
    }
}

net::Awaitable<Result<LinkService::Decision>> LinkService::decide(std::string id,
                                                                  std::string user,
                                                                  Store::Decide step) {
    std::optional<LinkFacts> facts;
    auto work = [&facts, &id, &user, &step](Store& store) {
        return store.change_link(id, user, [&](const LinkFacts& seen) {
            facts = seen;
            return step(seen);
        });
    };
    auto result = co_await store_.run(std::move(work));
    if (!result) co_return std::move(result).error();
    Decision decision;
    if (!*result) co_return std::move(decision);
    decision.facts = std::move(facts);
    const LinkResult& taken = **result;
    if (taken) {
        decision.facts->session = taken->session;
        publish(*taken);
    } else {
        decision.refusal = taken.error();
    }
    co_return std::move(decision);
}

net::Awaitable<Result<LinkView>> LinkService::view(Decision decision, std::string user) {
    LinkView view;
    if (!decision.facts) co_return std::move(view);
    const LinkFacts& facts = *decision.facts;
    if (!facts.session.claimed_by.empty() && facts.session.claimed_by != user) {
        view.kind = LinkView::Kind::claimed;
        co_return std::move(view);
    }
    view.session = facts.session;
    view.kind = LinkView::Kind::outcome;
    if (!is_open(facts.session.state) && facts.session.state != LinkState::approving) {
        co_return std::move(view);
    }
    const ApprovalFacts allowed = approval_facts(facts);
    if (allowed.user_enabled && allowed.granted && allowed.target_known) {
        view.kind = LinkView::Kind::decide;
        co_return std::move(view);
    }
    view.kind = LinkView::Kind::no_grant;
    auto work = [](Store& store) { return store.administrators(); };
    auto administrators = co_await store_.run(std::move(work));
    if (!administrators) co_return std::move(administrators).error();
    view.administrators = joined(*administrators);
    co_return std::move(view);
}

net::Awaitable<Result<Expected<std::string, Refusal>>> LinkService::choose_target(
    std::string requested) {
    using Choice = Expected<std::string, Refusal>;
    auto work = [](Store& store) { return store.list_targets(); };
    auto targets = co_await store_.run(std::move(work));
    if (!targets) co_return std::move(targets).error();
    if (requested.empty()) {
        if (targets->size() == 1) co_return Choice(targets->front().name);
        const char* message =
            targets->empty() ? "no target is set up" : "several targets exist: name one";
        Refusal refusal{400, targets->empty() ? "target_unknown" : "target_required", message};
        co_return Choice(std::move(refusal));
    }
    for (const Target& target : *targets) {
        if (target.name == requested) co_return Choice(std::move(requested));
    }
    Refusal refusal{400, "target_unknown", "there is no target " + printable(requested)};
    co_return Choice(std::move(refusal));
}

net::Awaitable<Result<Expected<LinkSession, Refusal>>> LinkService::register_link(
    LinkRegistration registration) {
    using Registered = Expected<LinkSession, Refusal>;
    if (auto ok = check_registration(registration); !ok) {
        Refusal refusal{400, "bad_request", ok.error().detail};
        co_return Registered(std::move(refusal));
    }
    if (!notifier_.knows(registration.instance)) {
        Refusal refusal{400,
                        "instance_unknown",
                        "no proxy named " + printable(registration.instance) + " is configured"};
        co_return Registered(std::move(refusal));
    }
    auto target = co_await choose_target(registration.requested.target);
    if (!target) co_return std::move(target).error();
    if (!*target) co_return Registered(std::move(target->error()));
    registration.requested.target = std::move(**target);

    LinkStep step = start_link(registration, system_clock::now());
    auto work = [&step](Store& store) { return store.add_link(step); };
    auto added = co_await store_.run(std::move(work));
    if (!added && is(added.error(), StoreErrc::conflict)) {
        Refusal refusal{409, "id_exists", "a session with this id exists already"};
        co_return Registered(std::move(refusal));
    }
    if (!added) co_return std::move(added).error();
    metrics_.link_registered();
    publish(step);
    co_return Registered(std::move(step.session));
}

net::Awaitable<Result<LinkView>> LinkService::open(std::string id, std::string user) {
    Store::Decide step = [&user](const LinkFacts& facts) {
        return open_link(facts.session, user, system_clock::now());
    };
    auto decision = co_await decide(std::move(id), user, std::move(step));
    if (!decision) co_return std::move(decision).error();
    co_return co_await view(std::move(*decision), user);
}

net::Awaitable<Result<LinkView>> LinkService::look(std::string id, std::string user) {
    auto work = [&](Store& store) { return store.find_link(id, user); };
    auto facts = co_await store_.run(std::move(work));
    if (!facts) co_return std::move(facts).error();
    Decision decision;
    decision.facts = std::move(*facts);
    co_return co_await view(std::move(decision), user);
}

net::Awaitable<Notifier::Outcome> LinkService::tell_approval(LinkFacts facts) {
    std::optional<Secret> password;
    if (facts.sealed_password) {
        auto opened = box_.open(*facts.sealed_password);
        if (!opened) {
            log::Log().error("password of a target cannot be opened",
                             {{"target", facts.target->name},
                              {"role", facts.session.requested.role},
                              {"reason", opened.error().message()}});
            Notifier::Outcome outcome{Delivery::failed,
                                      "The stored password of this role cannot be read."};
            co_return std::move(outcome);
        }
        password = std::move(*opened);
    }
    Notification notification = approval(facts, std::move(password));
    co_return co_await notifier_.push(facts.session.instance, std::move(notification));
}

net::Awaitable<Result<LinkView>> LinkService::approve(std::string id, std::string user) {
    Store::Decide begin = [&user](const LinkFacts& facts) {
        return begin_approval(facts.session, user, approval_facts(facts), system_clock::now());
    };
    auto begun = co_await decide(id, user, std::move(begin));
    if (!begun) co_return std::move(begun).error();
    const bool begun_now =
        begun->facts && !begun->refusal && begun->facts->session.state == LinkState::approving;
    if (!begun_now) co_return co_await view(std::move(*begun), user);

    Notifier::Outcome outcome = co_await tell_approval(std::move(*begun->facts));
    Store::Decide finish = [&outcome](const LinkFacts& facts) {
        return finish_approval(
            facts.session, outcome.delivery, outcome.message, system_clock::now());
    };
    auto finished = co_await decide(std::move(id), user, std::move(finish));
    if (!finished) co_return std::move(finished).error();
    co_return co_await view(std::move(*finished), user);
}

net::Awaitable<Result<LinkView>> LinkService::deny(std::string id, std::string user) {
    Store::Decide step = [&user](const LinkFacts& facts) {
        return deny_link(facts.session, user, system_clock::now());
    };
    auto decision = co_await decide(std::move(id), user, std::move(step));
    if (!decision) co_return std::move(decision).error();
    const bool denied_now = decision->facts && !decision->refusal &&
                            decision->facts->session.state == LinkState::denied;
    if (denied_now) {
        const LinkSession& session = decision->facts->session;
        Notification notification{session.id, LinkFailure{"denied by " + user}};
        // The denial stands whatever becomes of this: without an answer the client's link expires.
        Notifier::Outcome told = co_await notifier_.push(session.instance, std::move(notification));
        if (told.delivery == Delivery::failed) {
            log::Log().warn("proxy was not told of a denial",
                            {{"session", session.id}, {"reason", told.message}});
        }
    }
    co_return co_await view(std::move(*decision), user);
}

net::Awaitable<Result<bool>> LinkService::abandon(std::string id) {
    Store::Decide step = [](const LinkFacts& facts) {
        return abandon_link(facts.session, system_clock::now());
    };
    auto decision = co_await decide(std::move(id), std::string(), std::move(step));
    if (!decision) co_return std::move(decision).error();
    co_return decision->facts.has_value();
}

net::Awaitable<Result<bool>> LinkService::expire(std::string id) {
    Store::Decide step = [](const LinkFacts& facts) {
        return expire_link(facts.session, system_clock::now());
    };
    auto decision = co_await decide(std::move(id), std::string(), std::move(step));
    if (!decision) co_return std::move(decision).error();
    co_return decision->facts.has_value();
}

net::Awaitable<Result<LinkService::Report>> LinkService::connected(std::string id,
                                                                   std::int64_t backend_pid) {
    Store::Decide step = [backend_pid](const LinkFacts& facts) {
        return connect_link(facts.session, backend_pid, system_clock::now());
    };
    auto decision = co_await decide(std::move(id), std::string(), std::move(step));
    if (!decision) co_return std::move(decision).error();
    if (!decision->facts) co_return Report::unknown;
    co_return decision->refusal ? Report::not_approved : Report::taken;
}

net::Awaitable<Result<void>> LinkService::expire_due() {
    const WallTime now = system_clock::now();
    auto find_due = [now](Store& store) { return store.due_links(now, expire_batch); };
    auto due = co_await store_.run(std::move(find_due));
    if (!due) co_return std::move(due).error();
    for (const std::string& id : *due) {
        Store::Decide step = [now](const LinkFacts& facts) -> LinkResult {
            const bool stuck = facts.session.state == LinkState::approving &&
                               now >= facts.session.expires_at + stuck_after;
            return stuck ? recover_link(facts.session, now) : expire_link(facts.session, now);
        };
        auto decision = co_await decide(id, std::string(), std::move(step));
        if (!decision) co_return std::move(decision).error();
    }
    auto count_open = [](Store& store) { return store.count_open_links(); };
    auto open = co_await store_.run(std::move(count_open));
    if (!open) co_return std::move(open).error();
    metrics_.links_pending(*open);
    co_return Result<void>();
}

net::Awaitable<Result<void>> LinkService::recover() {
    auto find = [](Store& store) { return store.approving_links(); };
    auto ids = co_await store_.run(std::move(find));
    if (!ids) co_return std::move(ids).error();
    for (const std::string& id : *ids) {
        Store::Decide step = [](const LinkFacts& facts) {
            return recover_link(facts.session, system_clock::now());
        };
        auto decision = co_await decide(id, std::string(), std::move(step));
        if (!decision) co_return std::move(decision).error();
    }
    co_return Result<void>();
}

}  // namespace sluice::auth
