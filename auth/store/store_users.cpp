#include "auth/store/store_internal.hpp"

namespace sluice::auth {

namespace {

constexpr std::string_view user_columns =
    "user.id, email, password_hash, admin, disabled, user.created_at";

User read_user(const Statement& row) {
    return User{row.integer(0),
                row.text(1),
                row.text(2),
                row.integer(3) != 0,
                row.integer(4) != 0,
                from_unix_ms(row.integer(5))};
}

}  // namespace

Result<std::optional<User>> Store::load_user(const std::string& email) {
    Statement select(
        database_, "SELECT " + std::string(user_columns) + " FROM user WHERE email = ?", email);
    return read_first(select, read_user);
}

Result<std::optional<User>> Store::find_user(const std::string& email) {
    return locked([&] { return load_user(email); });
}

Result<std::vector<User>> Store::list_users() {
    return locked([&] {
        Statement select(database_,
                         "SELECT " + std::string(user_columns) + " FROM user ORDER BY email");
        return read_all(select, read_user);
    });
}

Result<std::vector<std::string>> Store::read_names(Statement& statement) {
    return read_all(statement, [](const Statement& row) { return row.text(0); });
}

Result<std::vector<std::string>> Store::administrators() {
    return locked([&] {
        Statement select(database_,
                         "SELECT email FROM user WHERE admin AND NOT disabled ORDER BY id LIMIT 3");
        return read_names(select);
    });
}

Result<void> Store::add_user(const User& user, const AuditEvent& event) {
    return in_transaction([&]() -> Result<void> {
        Statement insert(database_,
                         "INSERT INTO user (email, password_hash, admin, disabled, created_at) "
                         "VALUES (?, ?, ?, ?, ?)",
                         user.email,
                         user.password_hash,
                         std::int64_t{user.admin},
                         std::int64_t{user.disabled},
                         to_unix_ms(user.created_at));
        auto inserted = naming(insert.run(), "user " + user.email);
        if (!inserted) return inserted;
        return write_audit(event);
    });
}

Result<void> Store::change_user(const std::string& email,
                                const UserChange& change,
                                const AuditEvent& event) {
    return in_transaction([&]() -> Result<void> {
        auto user = load_user(email);
        if (!user) return std::move(user).error();
        if (!*user) return not_found("user " + email);
        const std::string& hash = change.password_hash.value_or((*user)->password_hash);
        const bool disabled = change.disabled.value_or((*user)->disabled);
        Statement update(database_,
                         "UPDATE user SET password_hash = ?, disabled = ? WHERE id = ?",
                         hash,
                         std::int64_t{disabled},
                         (*user)->id);
        if (auto updated = update.run(); !updated) return updated;
        Statement sign_out(database_, "DELETE FROM web_session WHERE user_id = ?", (*user)->id);
        if (auto deleted = sign_out.run(); !deleted) return deleted;
        return write_audit(event);
    });
}

Result<void> Store::remove_user(const std::string& email, const AuditEvent& event) {
    return in_transaction([&]() -> Result<void> {
        Statement remove(database_, "DELETE FROM user WHERE email = ?", email);
        if (auto removed = remove.run(); !removed) return removed;
        if (database_.changes() == 0) return not_found("user " + email);
        return write_audit(event);
    });
}

Result<void> Store::add_web_session(const WebSession& session, const AuditEvent& event) {
    return in_transaction([&]() -> Result<void> {
        Statement insert(database_,
                         "INSERT INTO web_session (token_hash, user_id, created_at, last_seen_at) "
                         "VALUES (?, ?, ?, ?)",
                         session.token_hash,
                         session.user.id,
                         to_unix_ms(session.created_at),
                         to_unix_ms(session.last_seen_at));
        if (auto inserted = insert.run(); !inserted) return inserted;
        return write_audit(event);
    });
}

Result<std::optional<WebSession>> Store::find_web_session(const std::string& token_hash) {
    return locked([&] {
        Statement select(database_,
                         "SELECT " + std::string(user_columns) +
                             ", web_session.created_at, last_seen_at FROM web_session "
                             "JOIN user ON user.id = user_id WHERE token_hash = ?",
                         token_hash);
        return read_first(select, [&](const Statement& row) {
            return WebSession{token_hash,
                              read_user(row),
                              from_unix_ms(row.integer(6)),
                              from_unix_ms(row.integer(7))};
        });
    });
}

Result<void> Store::touch_web_session(const std::string& token_hash, WallTime now) {
    return locked([&] {
        Statement update(database_,
                         "UPDATE web_session SET last_seen_at = max(last_seen_at, ?) "
                         "WHERE token_hash = ?",
                         to_unix_ms(now),
                         token_hash);
        return update.run();
    });
}

Result<void> Store::remove_web_session(const std::string& token_hash,
                                       const std::optional<AuditEvent>& event) {
    return in_transaction([&]() -> Result<void> {
        Statement remove(database_, "DELETE FROM web_session WHERE token_hash = ?", token_hash);
        if (auto removed = remove.run(); !removed) return removed;
        return event ? write_audit(*event) : Result<void>();
    });
}

Result<void> Store::remove_old_web_sessions(WallTime created, WallTime seen) {
    return locked([&] {
        Statement remove(database_,
                         "DELETE FROM web_session WHERE created_at < ? OR last_seen_at < ?",
                         to_unix_ms(created),
                         to_unix_ms(seen));
        return remove.run();
    });
}

}  // namespace sluice::auth
