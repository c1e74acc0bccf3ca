#include "auth/store/store_internal.hpp"
#include "common/base/assert.hpp"

namespace sluice::auth {

namespace {

const std::string link_columns =
    "id, state, phrase, instance, role, database, target, client_address, client_port, "
    "application_name, tls, created_at, expires_at, claimed_by, message, backend_pid";

LinkSession read_link(const Statement& row) {
    LinkSession session;
    session.id = row.text(0);
    session.state = parse_link_state(row.text(1)).value_or(LinkState::failed);
    session.phrase = row.text(2);
    session.instance = row.text(3);
    session.requested = RequestedAccess{row.text(4), row.text(5), row.text(6)};
    session.client = ClientInfo{
        row.text(7), static_cast<std::uint16_t>(row.integer(8)), row.text(9), row.text(10)};
    session.created_at = from_unix_ms(row.integer(11));
    session.expires_at = from_unix_ms(row.integer(12));
    session.claimed_by = row.text(13);
    session.message = row.text(14);
    session.backend_pid = row.optional_integer(15);
    return session;
}

// "'opened','approved'": fixed words, so they need no parameters.
std::string state_list(const std::vector<LinkState>& states) {
    std::string list;
    for (const LinkState state : states) {
        if (!list.empty()) list += ',';
        list += "'" + std::string(to_string(state)) + "'";
    }
    return list;
}

AuditEvent read_event(const Statement& row) {
    return AuditEvent{from_unix_ms(row.integer(0)),
                      row.text(1),
                      row.text(2),
                      row.text(3),
                      row.text(4),
                      row.text(5),
                      row.text(6),
                      row.text(7),
                      row.text(8)};
}

}  // namespace

Result<std::optional<LinkSession>> Store::load_link(const std::string& id) {
    Statement select(database_, "SELECT " + link_columns + " FROM link_session WHERE id = ?", id);
    return read_first(select, read_link);
}

Result<std::optional<LinkFacts>> Store::load_facts(const std::string& id,
                                                   const std::string& email) {
    auto session = load_link(id);
    if (!session) return std::move(session).error();
    if (!*session) return std::optional<LinkFacts>();
    LinkFacts facts;
    facts.session = std::move(**session);
    if (!email.empty()) {
        if (auto loaded = load_access(facts, email); !loaded) return std::move(loaded).error();
    }
    return std::optional<LinkFacts>(std::move(facts));
}

Result<std::optional<LinkFacts>> Store::find_link(const std::string& id, const std::string& email) {
    return locked([&] { return load_facts(id, email); });
}

Result<void> Store::add_link(const LinkStep& step) {
    return in_transaction([&]() -> Result<void> {
        const LinkSession& s = step.session;
        Statement insert(database_,
                         "INSERT INTO link_session (" + link_columns +
                             ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                         s.id,
                         to_string(s.state),
                         s.phrase,
                         s.instance,
                         s.requested.role,
                         s.requested.database,
                         s.requested.target,
                         s.client.address,
                         std::int64_t{s.client.port},
                         s.client.application_name,
                         s.client.tls,
                         to_unix_ms(s.created_at),
                         to_unix_ms(s.expires_at),
                         s.claimed_by,
                         s.message,
                         s.backend_pid);
        if (auto inserted = insert.run(); !inserted) return inserted;
        for (const AuditEvent& event : step.events) {
            if (auto written = write_audit(event); !written) return written;
        }
        return {};
    });
}

// Looking at a page again must not cost a write.
Result<void> Store::update_link(const LinkSession& before, const LinkSession& session) {
    const bool same = before.state == session.state && before.claimed_by == session.claimed_by &&
                      before.message == session.message &&
                      before.backend_pid == session.backend_pid;
    if (same) return {};
    Statement update(database_,
                     "UPDATE link_session SET state = ?, claimed_by = ?, message = ?, "
                     "backend_pid = ? WHERE id = ?",
                     to_string(session.state),
                     session.claimed_by,
                     session.message,
                     session.backend_pid,
                     session.id);
    return update.run();
}

Result<std::optional<LinkResult>> Store::change_link(const std::string& id,
                                                     const std::string& email,
                                                     const Decide& decide) {
    return in_transaction([&]() -> Result<std::optional<LinkResult>> {
        auto facts = load_facts(id, email);
        if (!facts) return std::move(facts).error();
        if (!*facts) return std::optional<LinkResult>();
        LinkResult result = decide(**facts);
        if (!result) return std::optional<LinkResult>(std::move(result));
        if (auto updated = update_link((*facts)->session, result->session); !updated) {
            return std::move(updated).error();
        }
        for (const AuditEvent& event : result->events) {
            if (auto written = write_audit(event); !written) return std::move(written).error();
        }
        return std::optional<LinkResult>(std::move(result));
    });
}

Result<std::vector<std::string>> Store::due_links(WallTime now, int limit) {
    return locked([&] {
        Statement select(database_,
                         "SELECT id FROM link_session "
                         "WHERE state IN ('requested', 'opened', 'approving') AND expires_at <= ? "
                         "ORDER BY expires_at LIMIT ?",
                         to_unix_ms(now),
                         std::int64_t{limit});
        return read_names(select);
    });
}

Result<std::vector<std::string>> Store::approving_links() {
    return locked([&] {
        Statement select(database_, "SELECT id FROM link_session WHERE state = 'approving'");
        return read_names(select);
    });
}

Result<std::int64_t> Store::count_open_links() {
    return locked([&]() -> Result<std::int64_t> {
        Statement select(database_,
                         "SELECT count(*) FROM link_session "
                         "WHERE state IN ('requested', 'opened', 'approving')");
        auto count = read_first(select, [](const Statement& row) { return row.integer(0); });
        if (!count) return std::move(count).error();
        return count->value_or(0);
    });
}

Result<std::vector<LinkSession>> Store::list_links(const LinkFilter& filter) {
    return locked([&] {
        std::string sql = "SELECT " + link_columns + " FROM link_session WHERE ";
        sql += filter.claimed_by.empty() ? "?1 = ''" : "claimed_by = ?1";
        if (!filter.states.empty()) sql += " AND state IN (" + state_list(filter.states) + ")";
        sql += " ORDER BY created_at DESC, id LIMIT ?2";
        Statement select(database_, sql, filter.claimed_by, std::int64_t{filter.limit});
        return read_all(select, read_link);
    });
}

Result<void> Store::remove_old_links(WallTime time) {
    return locked([&] {
        Statement remove(
            database_, "DELETE FROM link_session WHERE created_at < ?", to_unix_ms(time));
        return remove.run();
    });
}

Result<void> Store::write_audit(const AuditEvent& event) {
    Statement insert(database_,
                     "INSERT INTO audit (time, event, session_id, user, role, database, target, "
                     "client_address, detail) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                     to_unix_ms(event.time),
                     event.event,
                     event.session_id,
                     event.user,
                     event.role,
                     event.database,
                     event.target,
                     event.client_address,
                     event.detail);
    return insert.run();
}

Result<void> Store::add_audit(const AuditEvent& event) {
    return in_transaction([&] { return write_audit(event); });
}

Result<std::vector<AuditEvent>> Store::list_audit(const std::string& event, int limit) {
    return locked([&] {
        Statement select(database_,
                         "SELECT time, event, session_id, user, role, database, target, "
                         "client_address, detail FROM audit WHERE (?1 = '' OR event = ?1) "
                         "ORDER BY id DESC LIMIT ?2",
                         event,
                         std::int64_t{limit});
        return read_all(select, read_event);
    });
}

}  // namespace sluice::auth
