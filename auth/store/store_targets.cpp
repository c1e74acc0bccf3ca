#include "auth/store/store_internal.hpp"

namespace sluice::auth {

namespace {

Target read_target(const Statement& row) {
    return Target{row.text(0),
                  row.text(1),
                  static_cast<std::uint16_t>(row.integer(2)),
                  row.text(3),
                  row.text(4),
                  {}};
}

Grant read_grant(const Statement& row) {
    return Grant{row.integer(0), row.text(1), row.text(2), row.text(3), row.text(4)};
}

}  // namespace

Result<std::vector<std::string>> Store::load_roles(const std::string& target) {
    Statement select(
        database_, "SELECT role FROM target_role WHERE target = ? ORDER BY role", target);
    return read_names(select);
}

Result<std::optional<Target>> Store::load_target(const std::string& name) {
    Statement select(
        database_, "SELECT name, host, port, database, tls FROM target WHERE name = ?", name);
    auto target = read_first(select, read_target);
    if (!target || !*target) return target;
    auto roles = load_roles(name);
    if (!roles) return std::move(roles).error();
    (*target)->roles = std::move(*roles);
    return target;
}

Result<std::vector<Target>> Store::list_targets() {
    return locked([&]() -> Result<std::vector<Target>> {
        Statement select(database_,
                         "SELECT name, host, port, database, tls FROM target ORDER BY name");
        auto targets = read_all(select, read_target);
        if (!targets) return targets;
        for (Target& target : *targets) {
            auto roles = load_roles(target.name);
            if (!roles) return std::move(roles).error();
            target.roles = std::move(*roles);
        }
        return targets;
    });
}

Result<void> Store::write_role(const std::string& target, const RolePassword& role) {
    Statement upsert(database_,
                     "INSERT INTO target_role (target, role, password) VALUES (?, ?, ?) "
                     "ON CONFLICT (target, role) DO UPDATE SET password = excluded.password",
                     target,
                     role.role,
                     role.sealed);
    return upsert.run();
}

Result<void> Store::add_target(const Target& target,
                               const std::vector<RolePassword>& roles,
                               const AuditEvent& event) {
    return in_transaction([&]() -> Result<void> {
        Statement insert(
            database_,
            "INSERT INTO target (name, host, port, database, tls) VALUES (?, ?, ?, ?, ?)",
            target.name,
            target.host,
            std::int64_t{target.port},
            target.database,
            target.tls);
        auto inserted = naming(insert.run(), "target " + target.name);
        if (!inserted) return inserted;
        for (const RolePassword& role : roles) {
            if (auto written = write_role(target.name, role); !written) return written;
        }
        return write_audit(event);
    });
}

Result<void> Store::remove_target(const std::string& name, const AuditEvent& event) {
    return in_transaction([&]() -> Result<void> {
        Statement remove(database_, "DELETE FROM target WHERE name = ?", name);
        if (auto removed = remove.run(); !removed) return removed;
        if (database_.changes() == 0) return not_found("target " + name);
        Statement grants(database_, "DELETE FROM access_grant WHERE target = ?", name);
        if (auto removed = grants.run(); !removed) return removed;
        return write_audit(event);
    });
}

Result<void> Store::set_target_role(const std::string& target,
                                    const RolePassword& role,
                                    const AuditEvent& event) {
    return in_transaction([&]() -> Result<void> {
        auto known = load_target(target);
        if (!known) return std::move(known).error();
        if (!*known) return not_found("target " + target);
        if (auto written = write_role(target, role); !written) return written;
        return write_audit(event);
    });
}

Result<std::int64_t> Store::add_grant(const Grant& grant, const AuditEvent& event) {
    return in_transaction([&]() -> Result<std::int64_t> {
        auto user = load_user(grant.user);
        if (!user) return std::move(user).error();
        if (!*user) return not_found("user " + grant.user);
        if (grant.target != any_name) {
            auto target = load_target(grant.target);
            if (!target) return std::move(target).error();
            if (!*target) return not_found("target " + grant.target);
        }
        Statement insert(database_,
                         "INSERT INTO access_grant (user_id, role, database, target) "
                         "VALUES (?, ?, ?, ?)",
                         (*user)->id,
                         grant.role,
                         grant.database,
                         grant.target);
        auto inserted = naming(insert.run(), "this grant of " + grant.user);
        if (!inserted) return std::move(inserted).error();
        const std::int64_t id = database_.last_insert_id();
        if (auto written = write_audit(event); !written) return std::move(written).error();
        return id;
    });
}

Result<std::vector<Grant>> Store::list_grants() {
    return locked([&] {
        Statement select(database_,
                         "SELECT access_grant.id, email, role, database, target FROM access_grant "
                         "JOIN user ON user.id = user_id ORDER BY access_grant.id");
        return read_all(select, read_grant);
    });
}

Result<void> Store::remove_grant(std::int64_t id, const AuditEvent& event) {
    return in_transaction([&]() -> Result<void> {
        Statement remove(database_, "DELETE FROM access_grant WHERE id = ?", id);
        if (auto removed = remove.run(); !removed) return removed;
        if (database_.changes() == 0) return not_found("grant " + std::to_string(id));
        return write_audit(event);
    });
}

Result<void> Store::load_access(LinkFacts& facts, const std::string& email) {
    auto user = load_user(email);
    if (!user) return std::move(user).error();
    facts.user = std::move(*user);
    Statement grants(database_,
                     "SELECT access_grant.id, email, role, database, target FROM access_grant "
                     "JOIN user ON user.id = user_id WHERE email = ?",
                     email);
    auto granted = read_all(grants, read_grant);
    if (!granted) return std::move(granted).error();
    facts.grants = std::move(*granted);

    auto target = load_target(facts.session.requested.target);
    if (!target) return std::move(target).error();
    facts.target = std::move(*target);
    Statement password(database_,
                       "SELECT password FROM target_role WHERE target = ? AND role = ?",
                       facts.session.requested.target,
                       facts.session.requested.role);
    auto sealed = read_first(password, [](const Statement& row) { return row.text(0); });
    if (!sealed) return std::move(sealed).error();
    facts.sealed_password = std::move(*sealed);
    return {};
}

}  // namespace sluice::auth
