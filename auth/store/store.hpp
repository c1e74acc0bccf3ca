#pragma once

#include "auth/core/audit_event.hpp"
#include "auth/core/link_session.hpp"
#include "auth/core/policy.hpp"
#include "auth/store/database.hpp"
#include "common/crypto/secret_box.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace sluice::auth {

struct User {
    std::int64_t id = 0;
    std::string email;
    std::string password_hash;
    bool admin = false;
    bool disabled = false;
    WallTime created_at;
};

struct Target {
    std::string name;
    std::string host;
    std::uint16_t port = 0;
    std::string database;
    std::string tls;
    std::vector<std::string> roles;  // with a stored password
};

// A browser that is signed in.
struct WebSession {
    std::string token_hash;
    User user;
    WallTime created_at;
    WallTime last_seen_at;
};

// What a decision about a link depends on, read in one transaction.
struct LinkFacts {
    LinkSession session;
    std::optional<User> user;                    // of the e-mail that was asked for
    std::vector<Grant> grants;                   // of that user
    std::optional<Target> target;                // that the session asks for
    std::optional<std::string> sealed_password;  // of the role at that target
};

// Everything that sluice-auth keeps, in one SQLite file. Calls block (a write waits for the disk):
// make them on a blocking pool. Any thread; calls are serialised. Each call is one transaction: after
// an error nothing of it was written. Audit events given to a call are written with it.
//   errors: StoreErrc in Error::code
class Store {
public:
    // Opens, checks and migrates. Throws StartupError naming the file, the reason and what to do.
    static std::unique_ptr<Store> open(const std::filesystem::path& file);
    // False: the passwords in here were sealed with another key. The first call binds a database to
    // its key.
    Result<bool> is_sealed_by(const crypto::SecretBox& box);

    // Users. E-mails are already normalised.
    Result<void> add_user(const User& user, const AuditEvent& event);
    Result<std::optional<User>> find_user(const std::string& email);
    Result<std::vector<User>> list_users();
    struct UserChange {
        std::optional<std::string> password_hash;
        std::optional<bool> disabled;
    };
    // Ends the user's web sessions as well. not_found
    Result<void> change_user(const std::string& email,
                             const UserChange& change,
                             const AuditEvent& event);
    Result<void> remove_user(const std::string& email, const AuditEvent& event);
    Result<std::vector<std::string>> administrators();

    // Web sessions.
    Result<void> add_web_session(const WebSession& session, const AuditEvent& event);
    Result<std::optional<WebSession>> find_web_session(const std::string& token_hash);
    Result<void> touch_web_session(const std::string& token_hash, WallTime now);
    Result<void> remove_web_session(const std::string& token_hash,
                                    const std::optional<AuditEvent>& event);
    // Those created before `created` or last seen before `seen`.
    Result<void> remove_old_web_sessions(WallTime created, WallTime seen);

    // Targets; passwords are sealed.
    struct RolePassword {
        std::string role;
        std::string sealed;
    };
    Result<void> add_target(const Target& target,
                            const std::vector<RolePassword>& roles,
                            const AuditEvent& event);
    Result<std::vector<Target>> list_targets();
    // Removes the grants that name it as well. not_found
    Result<void> remove_target(const std::string& name, const AuditEvent& event);
    Result<void> set_target_role(const std::string& target,
                                 const RolePassword& role,
                                 const AuditEvent& event);

    // Grants. not_found: no such user, or no such target; conflict
    Result<std::int64_t> add_grant(const Grant& grant, const AuditEvent& event);
    Result<std::vector<Grant>> list_grants();
    Result<void> remove_grant(std::int64_t id, const AuditEvent& event);

    // Links.
    Result<void> add_link(const LinkStep& step);
    // nullopt: no such session. `email` may be empty.
    Result<std::optional<LinkFacts>> find_link(const std::string& id, const std::string& email);
    // Lets `decide` look at the facts and writes what it returns. nullopt: no such session.
    using Decide = std::function<LinkResult(const LinkFacts&)>;
    Result<std::optional<LinkResult>> change_link(const std::string& id,
                                                  const std::string& email,
                                                  const Decide& decide);
    // Open sessions whose time was up at `now`, at most `limit`.
    Result<std::vector<std::string>> due_links(WallTime now, int limit);
    Result<std::vector<std::string>> approving_links();
    Result<std::int64_t> count_open_links();
    struct LinkFilter {
        std::vector<LinkState> states;  // empty: all
        std::string claimed_by;         // empty: everybody's
        int limit = 100;
    };
    // Newest first.
    Result<std::vector<LinkSession>> list_links(const LinkFilter& filter);
    // Those created before `time`; their audit stays.
    Result<void> remove_old_links(WallTime time);

    // Audit.
    Result<void> add_audit(const AuditEvent& event);
    // Newest first; `event` empty: all.
    Result<std::vector<AuditEvent>> list_audit(const std::string& event, int limit);

private:
    explicit Store(Database database) : database_(std::move(database)) {}

    // One transaction around `work`, which returns a Result.
    template <class Work>
    auto in_transaction(Work work) -> decltype(work());
    template <class Work>
    auto locked(Work work) -> decltype(work());

    Result<void> write_audit(const AuditEvent& event);
    Result<std::optional<User>> load_user(const std::string& email);
    Result<std::optional<Target>> load_target(const std::string& name);
    Result<std::vector<std::string>> load_roles(const std::string& target);
    Result<std::optional<LinkSession>> load_link(const std::string& id);
    Result<std::optional<LinkFacts>> load_facts(const std::string& id, const std::string& email);
    Result<void> load_access(LinkFacts& facts, const std::string& email);
    Result<void> write_role(const std::string& target, const RolePassword& role);
    Result<void> update_link(const LinkSession& before, const LinkSession& session);
    Result<std::vector<std::string>> read_names(Statement& statement);

    std::mutex mutex_;
    Database database_;
};

}  // namespace sluice::auth
