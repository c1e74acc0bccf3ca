#include "auth/core/input_rules.hpp"
#include "auth/core/times.hpp"
#include "auth/service/api_routes.hpp"
#include "common/http/json.hpp"

#include <boost/json.hpp>

#include <charconv>

namespace sluice::auth {

namespace json = boost::json;
using http::JsonReader;
using std::chrono::system_clock;

namespace {

constexpr int limit_default = 100;
constexpr int limit_max = 1000;

http::Response object_answer(int status, json::object object) {
    return http::Response::json(status, json::serialize(object));
}

template <class Rows, class ToJson>
http::Response list_answer(const char* key, const Rows& rows, ToJson to_json_object) {
    json::array array;
    for (const auto& row : rows) array.push_back(to_json_object(row));
    return object_answer(200, json::object{{key, std::move(array)}});
}

json::object user_json(const User& user) {
    return {{"email", user.email},
            {"admin", user.admin},
            {"disabled", user.disabled},
            {"created_at", iso_time(user.created_at)}};
}

json::object target_json(const Target& target) {
    return {{"name", target.name},
            {"host", target.host},
            {"port", target.port},
            {"database", target.database},
            {"tls", target.tls},
            {"roles", json::array(target.roles.begin(), target.roles.end())}};
}

json::object grant_json(const Grant& grant) {
    return {{"id", grant.id},
            {"user", grant.user},
            {"role", grant.role},
            {"database", grant.database},
            {"target", grant.target}};
}

json::object session_json(const LinkSession& session) {
    json::object out{{"session_id", session.id},
                     {"state", to_string(session.state)},
                     {"instance", session.instance},
                     {"user", session.claimed_by},
                     {"requested", json_object(session.requested)},
                     {"client", json_object(session.client)},
                     {"created_at", iso_time(session.created_at)},
                     {"expires_at", iso_time(session.expires_at)},
                     {"message", session.message}};
    if (session.backend_pid) out["backend_pid"] = *session.backend_pid;
    return out;
}

AuditEvent event_of(std::string_view name,
                    const std::string& caller,
                    const std::string& address,
                    std::string detail) {
    AuditEvent event;
    event.time = system_clock::now();
    event.event = std::string(name);
    event.user = caller;
    event.client_address = address;
    event.detail = std::move(detail);
    return made_printable(std::move(event));
}

std::string query_value(const http::Request& request, const std::string& key) {
    const auto found = request.query.find(key);
    return found == request.query.end() ? std::string() : found->second;
}

Result<int> read_limit(const http::Request& request) {
    const std::string text = query_value(request, "limit");
    if (text.empty()) return limit_default;
    int limit = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), limit);
    const bool whole = failure == std::errc() && end == text.data() + text.size();
    if (!whole || limit < 1 || limit > limit_max) {
        return Error(ErrorKind::client, "limit must be a number from 1 to 1000");
    }
    return limit;
}

// "pending" stands for every state that waits for a decision.
Result<std::vector<LinkState>> read_states(const http::Request& request) {
    const std::string text = query_value(request, "state");
    if (text.empty()) return std::vector<LinkState>();
    if (text == "pending") {
        return std::vector<LinkState>{
            LinkState::requested, LinkState::opened, LinkState::approving};
    }
    if (const auto state = parse_link_state(text)) return std::vector<LinkState>{*state};
    std::string known = "pending";
    for (const auto state : all_link_states) known += ", " + std::string(to_string(state));
    return Error(ErrorKind::client, "state is not known; there are: " + known);
}

Result<std::string> read_event(const http::Request& request) {
    std::string name = query_value(request, "event");
    if (name.empty() || is_audit_event(name)) return name;
    std::string known;
    for (const auto event : audit_event_names) {
        known += (known.empty() ? "" : ", ") + std::string(event);
    }
    return Error(ErrorKind::client, "event is not known; there are: " + known);
}

// Reads a name and checks its form; the first problem is kept in `problem`.
std::string read_name(JsonReader& reader, std::string_view key, std::optional<Error>& problem) {
    std::string name = reader.required_text(key);
    if (problem || !reader.result()) return name;
    if (auto ok = check_name(key, name); !ok) problem = ok.error();
    return name;
}

struct NewTarget {
    Target target;
    struct Role {
        std::string role;
        Secret password;
    };
    std::vector<Role> roles;
};

Result<std::vector<NewTarget::Role>> read_roles(const JsonReader& target) {
    std::vector<NewTarget::Role> roles;
    const json::value* list = target.member("roles");
    if (list == nullptr || list->is_null()) return roles;
    if (!list->is_array()) return Error(ErrorKind::client, "roles: must be a list");
    for (const json::value& item : list->get_array()) {
        const std::string path = "roles[" + std::to_string(roles.size()) + "]";
        if (!item.is_object()) return Error(ErrorKind::client, path + ": must be an object");
        JsonReader reader(item, path);
        std::optional<Error> problem;
        NewTarget::Role role;
        role.role = read_name(reader, "role", problem);
        role.password = Secret(reader.required_text("password"));
        if (auto ok = reader.result(); !ok) return std::move(ok).error();
        if (problem) return std::move(*problem);
        roles.push_back(std::move(role));
    }
    return roles;
}

Result<NewTarget> read_target(std::string_view body) {
    auto document = http::parse_json(body);
    if (!document) return std::move(document).error();
    JsonReader reader(*document);
    NewTarget result;
    Target& target = result.target;
    target.name = reader.required_text("name");
    target.host = reader.required_text("host");
    target.port = static_cast<std::uint16_t>(reader.required_integer("port", 1, 65535));
    target.database = reader.text("database", "");
    target.tls = reader.text("tls", "prefer");
    if (auto ok = reader.result(); !ok) return std::move(ok).error();
    if (auto ok = check_target_name(target.name); !ok) return std::move(ok).error();
    if (auto ok = check_host(target.host); !ok) return std::move(ok).error();
    if (!net::parse_tls_mode(target.tls)) {
        return Error(ErrorKind::client,
                     "tls must be disable, prefer, require, verify-ca or verify-full");
    }
    auto roles = read_roles(reader);
    if (!roles) return std::move(roles).error();
    result.roles = std::move(*roles);
    return result;
}

Result<Grant> read_grant(std::string_view body) {
    auto document = http::parse_json(body);
    if (!document) return std::move(document).error();
    JsonReader reader(*document);
    std::optional<Error> problem;
    Grant grant;
    const std::string user = reader.required_text("user");
    grant.role = read_name(reader, "role", problem);
    grant.database = read_name(reader, "database", problem);
    grant.target = read_name(reader, "target", problem);
    if (auto ok = reader.result(); !ok) return std::move(ok).error();
    if (problem) return std::move(*problem);
    const auto email = normalised_email(user);
    if (!email) return Error(ErrorKind::client, "user must be an e-mail address");
    grant.user = *email;
    return grant;
}

struct NewUser {
    std::string email;
    Secret password;
    bool admin = false;
};

Result<NewUser> read_user(std::string_view body) {
    auto document = http::parse_json(body);
    if (!document) return std::move(document).error();
    JsonReader reader(*document);
    const std::string email = reader.required_text("email");
    const std::string password = reader.required_text("password");
    const bool admin = reader.boolean("admin", false);
    if (auto ok = reader.result(); !ok) return std::move(ok).error();
    const auto normalised = normalised_email(email);
    if (!normalised) return Error(ErrorKind::client, "email is no e-mail address");
    if (auto ok = check_new_password(password); !ok) return std::move(ok).error();
    return NewUser{*normalised, Secret(password), admin};
}

struct UserPatch {
    std::optional<Secret> password;
    std::optional<bool> disabled;
};

Result<UserPatch> read_user_patch(std::string_view body) {
    auto document = http::parse_json(body);
    if (!document) return std::move(document).error();
    JsonReader reader(*document);
    UserPatch patch;
    if (auto password = reader.optional_text("password")) {
        if (auto ok = check_new_password(*password); !ok) return std::move(ok).error();
        patch.password = Secret(std::move(*password));
    }
    const json::value* disabled = reader.member("disabled");
    if (disabled != nullptr) patch.disabled = reader.boolean("disabled", false);
    if (auto ok = reader.result(); !ok) return std::move(ok).error();
    if (!patch.password && !patch.disabled) {
        return Error(ErrorKind::client, "nothing to change: give password or disabled");
    }
    return patch;
}

std::string describe(const UserPatch& patch) {
    std::string text;
    if (patch.password) text = "password";
    if (patch.disabled)
        text += (text.empty() ? "" : ", ") + std::string(*patch.disabled ? "disabled" : "enabled");
    return text;
}

std::string describe(const Grant& grant) {
    return grant.user + ": role " + grant.role + ", database " + grant.database + ", target " +
           grant.target;
}

http::Response too_busy() {
    http::Response response =
        api_problem(503, "busy", "too many passwords are being checked; try again");
    response.headers.emplace_back("Retry-After", "1");
    return response;
}

}  // namespace

template <class Change>
ApiRoutes::Answer ApiRoutes::apply(Change change, AuditEvent event, int status) {
    auto work = [&change, &event](Store& store) { return change(store, event); };
    auto changed = co_await parts_.store.run(std::move(work));
    if (!changed) co_return api_problem(changed.error());
    parts_.audit.write(event);
    if (status == 204) co_return http::Response::no_content();
    co_return http::Response::json(status, "{}");
}

ApiRoutes::Answer ApiRoutes::add_user(Call call) {
    auto input = read_user(call.request.body);
    if (!input) co_return bad_request(input.error());
    auto hash = co_await parts_.passwords.hash(input->password);
    if (!hash) co_return too_busy();
    User user;
    user.email = input->email;
    user.password_hash = std::move(*hash);
    user.admin = input->admin;
    user.created_at = system_clock::now();
    AuditEvent event = event_of("user_added", call.caller, call.request.peer_address, user.email);
    auto work = [&](Store& store) { return store.add_user(user, event); };
    auto added = co_await parts_.store.run(std::move(work));
    if (!added) co_return api_problem(added.error());
    parts_.audit.write(event);
    co_return object_answer(201, user_json(user));
}

ApiRoutes::Answer ApiRoutes::list_users(Call) {
    auto work = [](Store& store) { return store.list_users(); };
    auto users = co_await parts_.store.run(std::move(work));
    if (!users) co_return api_problem(users.error());
    co_return list_answer("users", *users, user_json);
}

ApiRoutes::Answer ApiRoutes::change_user(Call call) {
    auto patch = read_user_patch(call.request.body);
    if (!patch) co_return bad_request(patch.error());
    Store::UserChange change;
    change.disabled = patch->disabled;
    if (patch->password) {
        change.password_hash = co_await parts_.passwords.hash(*patch->password);
        if (!change.password_hash) co_return too_busy();
    }
    const std::string email = normalised_email(call.part("email")).value_or(call.part("email"));
    AuditEvent event = event_of(
        "user_changed", call.caller, call.request.peer_address, email + ": " + describe(*patch));
    auto apply_change = [&](Store& store, const AuditEvent& line) {
        return store.change_user(email, change, line);
    };
    co_return co_await apply(std::move(apply_change), std::move(event), 200);
}

ApiRoutes::Answer ApiRoutes::remove_user(Call call) {
    const std::string email = normalised_email(call.part("email")).value_or(call.part("email"));
    AuditEvent event = event_of("user_removed", call.caller, call.request.peer_address, email);
    auto change = [&](Store& store, const AuditEvent& line) {
        return store.remove_user(email, line);
    };
    co_return co_await apply(std::move(change), std::move(event), 204);
}

ApiRoutes::Answer ApiRoutes::add_target(Call call) {
    auto input = read_target(call.request.body);
    if (!input) co_return bad_request(input.error());
    std::vector<Store::RolePassword> sealed;
    for (const NewTarget::Role& role : input->roles) {
        sealed.push_back(Store::RolePassword{role.role, parts_.box.seal(role.password)});
        input->target.roles.push_back(role.role);
    }
    const Target& target = input->target;
    AuditEvent event =
        event_of("target_added",
                 call.caller,
                 call.request.peer_address,
                 target.name + " at " + target.host + ":" + std::to_string(target.port));
    auto work = [&](Store& store) { return store.add_target(target, sealed, event); };
    auto added = co_await parts_.store.run(std::move(work));
    if (!added) co_return api_problem(added.error());
    parts_.audit.write(event);
    co_return object_answer(201, target_json(target));
}

ApiRoutes::Answer ApiRoutes::list_targets(Call) {
    auto work = [](Store& store) { return store.list_targets(); };
    auto targets = co_await parts_.store.run(std::move(work));
    if (!targets) co_return api_problem(targets.error());
    co_return list_answer("targets", *targets, target_json);
}

ApiRoutes::Answer ApiRoutes::remove_target(Call call) {
    const std::string& name = call.part("name");
    AuditEvent event = event_of("target_removed", call.caller, call.request.peer_address, name);
    auto change = [&](Store& store, const AuditEvent& line) {
        return store.remove_target(name, line);
    };
    co_return co_await apply(std::move(change), std::move(event), 204);
}

ApiRoutes::Answer ApiRoutes::set_target_role(Call call) {
    auto document = http::parse_json(call.request.body);
    if (!document) co_return bad_request(document.error());
    JsonReader reader(*document);
    const Secret password(reader.required_text("password"));
    if (auto ok = reader.result(); !ok) co_return bad_request(ok.error());
    const std::string& target = call.part("name");
    const Store::RolePassword role{call.part("role"), parts_.box.seal(password)};
    if (auto ok = check_name("role", role.role); !ok) co_return bad_request(ok.error());
    AuditEvent event = event_of("target_role_set",
                                call.caller,
                                call.request.peer_address,
                                "role " + role.role + " at " + target);
    auto change = [&](Store& store, const AuditEvent& line) {
        return store.set_target_role(target, role, line);
    };
    co_return co_await apply(std::move(change), std::move(event), 204);
}

ApiRoutes::Answer ApiRoutes::add_grant(Call call) {
    auto grant = read_grant(call.request.body);
    if (!grant) co_return bad_request(grant.error());
    AuditEvent event =
        event_of("grant_added", call.caller, call.request.peer_address, describe(*grant));
    auto work = [&](Store& store) { return store.add_grant(*grant, event); };
    auto id = co_await parts_.store.run(std::move(work));
    if (!id) co_return api_problem(id.error());
    parts_.audit.write(event);
    json::object answer{{"id", *id}};
    co_return object_answer(201, std::move(answer));
}

ApiRoutes::Answer ApiRoutes::list_grants(Call) {
    auto work = [](Store& store) { return store.list_grants(); };
    auto grants = co_await parts_.store.run(std::move(work));
    if (!grants) co_return api_problem(grants.error());
    co_return list_answer("grants", *grants, grant_json);
}

ApiRoutes::Answer ApiRoutes::remove_grant(Call call) {
    const std::string& text = call.part("id");
    std::int64_t id = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), id);
    if (failure != std::errc() || end != text.data() + text.size()) {
        co_return api_problem(404, "not_found", "there is no such grant");
    }
    AuditEvent event = event_of("grant_removed", call.caller, call.request.peer_address, text);
    auto change = [id](Store& store, const AuditEvent& line) {
        return store.remove_grant(id, line);
    };
    co_return co_await apply(std::move(change), std::move(event), 204);
}

ApiRoutes::Answer ApiRoutes::list_sessions(Call call) {
    auto limit = read_limit(call.request);
    if (!limit) co_return bad_request(limit.error());
    auto states = read_states(call.request);
    if (!states) co_return bad_request(states.error());
    const Store::LinkFilter filter{std::move(*states), std::string(), *limit};
    auto work = [&filter](Store& store) { return store.list_links(filter); };
    auto sessions = co_await parts_.store.run(std::move(work));
    if (!sessions) co_return api_problem(sessions.error());
    co_return list_answer("sessions", *sessions, session_json);
}

ApiRoutes::Answer ApiRoutes::list_audit(Call call) {
    auto limit = read_limit(call.request);
    if (!limit) co_return bad_request(limit.error());
    auto event = read_event(call.request);
    if (!event) co_return bad_request(event.error());
    auto work = [&](Store& store) { return store.list_audit(*event, *limit); };
    auto events = co_await parts_.store.run(std::move(work));
    if (!events) co_return api_problem(events.error());
    co_return list_answer(
        "events", *events, [](const AuditEvent& row) { return json_object(row); });
}

}  // namespace sluice::auth
