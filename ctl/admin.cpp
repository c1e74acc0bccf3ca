// The administrative commands: each is one call of sluice-auth's API and a line or table of output.

#include "common/base/startup_error.hpp"
#include "common/base/text.hpp"
#include "ctl/api.hpp"
#include "ctl/cluster_folder.hpp"
#include "ctl/commands.hpp"
#include "ctl/parts.hpp"
#include "ctl/passwords.hpp"
#include "ctl/question.hpp"
#include "ctl/table.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace sluice::ctl {

namespace {

using boost::json::array;
using boost::json::object;
using boost::json::value;

// "client.address": the member of a member; null when there is none.
const value* find(const value& of, std::string_view path) {
    const auto* members = of.if_object();
    if (members == nullptr) return nullptr;
    const auto dot = path.find('.');
    const auto* member = members->if_contains(path.substr(0, dot));
    if (member == nullptr || dot == std::string_view::npos) return member;
    return find(*member, path.substr(dot + 1));
}

std::string plain(const value& of) {
    if (of.is_null()) return "";
    if (const auto* text = of.if_string()) return {text->data(), text->size()};
    return boost::json::serialize(of);
}

// Lists are joined with commas.
std::string cell(const value& of, std::string_view path) {
    const auto* found = find(of, path);
    if (found == nullptr) return "";
    if (!found->is_array()) return plain(*found);
    std::string joined;
    for (const auto& item : found->get_array()) {
        if (!joined.empty()) joined += ", ";
        joined += plain(item);
    }
    return joined;
}

struct Column {
    const char* heading;
    const char* member;
};

int print_list(const ApiOptions& options,
               const std::string& target,
               const std::string& member,
               const std::vector<Column>& columns) {
    const auto answer = AuthApi(options).call("GET", target);
    if (options.json) {
        fmt::print("{}\n", boost::json::serialize(answer.body));
        return exit_status::ok;
    }
    std::vector<std::vector<std::string>> rows(1);
    for (const auto& column : columns) rows.front().push_back(column.heading);
    for (const auto& item : list_of(answer, member)) {
        auto& row = rows.emplace_back();
        for (const auto& column : columns) row.push_back(cell(item, column.member));
    }
    fmt::print("{}", format_table(rows));
    return exit_status::ok;
}

void print_password(const ChosenPassword& chosen) {
    if (!chosen.generated) return;
    fmt::print("Password (shown this once): {}\n", chosen.password.reveal());
}

// How clients reach a new target, and what its existence means for those of the others.
void print_connecting(const TargetAddOptions& options) {
    fmt::print(
        "Clients name it with options=target={0}; when there are several targets, all "
        "clients must name one.\n",
        options.name);
    const auto paths = Paths::of(options.api.dir);
    if (!options.api.auth_url.empty() || !is_cluster(paths)) return;
    const auto addresses = read_addresses(paths, ClusterFile::load(paths.cluster_file()));
    const auto role = options.role.empty() ? "ROLE" : printable(options.role);
    const auto database = options.database.empty() ? role : printable(options.database);
    fmt::print("Connect:   {}\n", psql_command(addresses, {role, database, options.name}));
}

bool has_role(const value& target, const std::string& role) {
    const auto* roles = find(target, "roles");
    if (roles == nullptr || !roles->is_array()) return false;
    const auto& list = roles->get_array();
    return std::any_of(
        list.begin(), list.end(), [&](const value& one) { return plain(one) == role; });
}

// A grant alone does not let anybody in: the proxy signs in to the server with a stored password.
void warn_of_missing_password(const AuthApi& api, const GrantAddOptions& options) {
    if (options.role == "*") return;
    const auto answer = api.call("GET", "/v1/targets");
    bool covered = false;
    for (const auto& target : list_of(answer, "targets")) {
        if (options.target != "*" && cell(target, "name") != options.target) continue;
        if (has_role(target, options.role)) return;
        covered = true;
    }
    if (!covered) return;
    fmt::print(stderr,
               "warning: no password of role {1} is stored for target {0}; unless its server asks "
               "for none, this is needed too: sluicectl target set-role {0} {1}\n",
               options.target == "*" ? "TARGET" : printable(options.target),
               printable(options.role));
}

// Those that name this target; "*" stays.
std::size_t count_grants(const AuthApi& api, const std::string& target) {
    const auto answer = api.call("GET", "/v1/grants");
    const auto& grants = list_of(answer, "grants");
    return static_cast<std::size_t>(
        std::count_if(grants.begin(), grants.end(), [&](const value& grant) {
            return cell(grant, "target") == target;
        }));
}

std::string target_and_grants(const std::string& target, std::size_t grants) {
    auto text = "target " + printable(target);
    if (grants > 0) text += fmt::format(" and {} grant{} of it", grants, grants == 1 ? "" : "s");
    return text;
}

std::string path_of(const std::string& collection, const std::string& name) {
    return "/v1/" + collection + "/" + http::percent_encode(name);
}

value text(const Secret& secret) { return value(boost::json::string(secret.reveal())); }

}  // namespace

int run(const UserAddOptions& options) {
    const AuthApi api(options.api);
    const auto chosen = choose_password(options.password, "Password of " + options.email, true);
    api.call("POST",
             "/v1/users",
             object{{"email", options.email},
                    {"password", text(chosen.password)},
                    {"admin", options.admin}});
    fmt::print("Added {}.\n", printable(options.email));
    print_password(chosen);
    return exit_status::ok;
}

int run(const UserListOptions& options) {
    return print_list(options.api,
                      "/v1/users",
                      "users",
                      {{"EMAIL", "email"}, {"ADMIN", "admin"}, {"DISABLED", "disabled"}});
}

int run(const UserDisableOptions& options) {
    AuthApi(options.api)
        .call("PATCH", path_of("users", options.email), object{{"disabled", !options.enable}});
    fmt::print("{} {}.\n", options.enable ? "Enabled" : "Disabled", printable(options.email));
    return exit_status::ok;
}

int run(const UserPasswordOptions& options) {
    const AuthApi api(options.api);
    const auto chosen = choose_password(options.password, "New password of " + options.email, true);
    api.call("PATCH", path_of("users", options.email), object{{"password", text(chosen.password)}});
    fmt::print("Changed the password of {}.\n", printable(options.email));
    print_password(chosen);
    return exit_status::ok;
}

int run(const TargetAddOptions& options) {
    const AuthApi api(options.api);
    object target{{"name", options.name}, {"host", options.host}, {"port", options.port}};
    if (!options.database.empty()) target["database"] = options.database;
    if (!options.tls.empty()) target["tls"] = options.tls;
    array roles;
    ChosenPassword chosen;
    if (!options.role.empty()) {
        chosen = choose_password(options.password, "Password of role " + options.role, false);
        roles.push_back(object{{"role", options.role}, {"password", text(chosen.password)}});
    }
    target["roles"] = roles;
    api.call("POST", "/v1/targets", target);
    fmt::print("Added target {}.\n", printable(options.name));
    print_password(chosen);
    print_connecting(options);
    return exit_status::ok;
}

int run(const TargetListOptions& options) {
    return print_list(options.api,
                      "/v1/targets",
                      "targets",
                      {{"NAME", "name"},
                       {"HOST", "host"},
                       {"PORT", "port"},
                       {"DATABASE", "database"},
                       {"TLS", "tls"},
                       {"ROLES", "roles"}});
}

int run(const TargetRemoveOptions& options) {
    const AuthApi api(options.api);
    const auto grants = count_grants(api, options.name);
    const auto what = target_and_grants(options.name, grants);
    if (grants > 0 && !options.yes) require_yes("Remove " + what + "?");
    api.call("DELETE", path_of("targets", options.name));
    fmt::print("Removed {}.\n", what);
    return exit_status::ok;
}

int run(const TargetSetRoleOptions& options) {
    const AuthApi api(options.api);
    const auto chosen =
        choose_password(options.password, "Password of role " + options.role, false);
    api.call("PUT",
             path_of("targets", options.name) + "/roles/" + http::percent_encode(options.role),
             object{{"password", text(chosen.password)}});
    fmt::print("Role {} of target {} is set.\n", printable(options.role), printable(options.name));
    print_password(chosen);
    return exit_status::ok;
}

int run(const GrantAddOptions& options) {
    const AuthApi api(options.api);
    const auto answer = api.call("POST",
                                 "/v1/grants",
                                 object{{"user", options.user},
                                        {"role", options.role},
                                        {"database", options.database},
                                        {"target", options.target}});
    fmt::print("Added grant {}: {} may use role {} and database {} on target {}.\n",
               printable(cell(answer.body, "id")),
               printable(options.user),
               printable(options.role),
               printable(options.database),
               printable(options.target));
    warn_of_missing_password(api, options);
    return exit_status::ok;
}

int run(const GrantListOptions& options) {
    return print_list(options.api,
                      "/v1/grants",
                      "grants",
                      {{"ID", "id"},
                       {"USER", "user"},
                       {"ROLE", "role"},
                       {"DATABASE", "database"},
                       {"TARGET", "target"}});
}

int run(const GrantRemoveOptions& options) {
    AuthApi(options.api).call("DELETE", path_of("grants", options.id));
    fmt::print("Removed grant {}.\n", printable(options.id));
    return exit_status::ok;
}

int run(const SessionsOptions& options) {
    auto target = fmt::format("/v1/sessions?limit={}", options.limit);
    if (!options.state.empty()) target += "&state=" + http::percent_encode(options.state);
    return print_list(options.api,
                      target,
                      "sessions",
                      {{"SESSION", "session_id"},
                       {"STATE", "state"},
                       {"USER", "user"},
                       {"ROLE", "requested.role"},
                       {"DATABASE", "requested.database"},
                       {"TARGET", "requested.target"},
                       {"CLIENT", "client.address"},
                       {"CREATED", "created_at"}});
}

int run(const AuditOptions& options) {
    auto target = fmt::format("/v1/audit?limit={}", options.limit);
    if (!options.event.empty()) target += "&event=" + http::percent_encode(options.event);
    return print_list(options.api,
                      target,
                      "events",
                      {{"TIME", "time"},
                       {"EVENT", "event"},
                       {"USER", "user"},
                       {"ROLE", "role"},
                       {"DATABASE", "database"},
                       {"TARGET", "target"},
                       {"CLIENT", "client_address"},
                       {"DETAIL", "detail"}});
}

}  // namespace sluice::ctl
