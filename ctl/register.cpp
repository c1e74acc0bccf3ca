#include "ctl/register.hpp"

#include "common/base/startup_error.hpp"
#include "common/crypto/random_bytes.hpp"
#include "ctl/files.hpp"

#include <boost/json/object.hpp>
#include <fmt/format.h>

namespace sluice::ctl {

namespace {

constexpr std::size_t role_password_length = 32;
constexpr std::size_t user_password_length = 20;
constexpr std::chrono::seconds statement_timeout{30};

pg::QueryResult must_run(const SqlServer& server, const std::string& sql) {
    auto result = run_sql(server, "postgres", sql, statement_timeout);
    if (!result) {
        throw StartupError(fmt::format("PostgreSQL refused: {}", result.error().message()));
    }
    return std::move(*result);
}

void make_role_and_database(const SqlServer& server, const std::string& password) {
    if (must_run(server, "SELECT FROM pg_roles WHERE rolname = 'app'").rows.empty()) {
        must_run(server, "CREATE ROLE app LOGIN");
    }
    must_run(server, "ALTER ROLE app PASSWORD " + sql_literal(password));
    if (must_run(server, "SELECT FROM pg_database WHERE datname = 'app'").rows.empty()) {
        must_run(server, "CREATE DATABASE app OWNER app");
    }
}

// 409 says that a run before this one got that far.
bool create(const AuthApi& api, const std::string& target, const boost::json::value& body) {
    const auto answer = api.send("POST", target, body);
    if (answer.status == 409) return false;
    if (answer.status >= 400) throw StartupError(error_text(answer));
    return true;
}

void make_target(const AuthApi& api, const SqlServer& server, const std::string& password) {
    boost::json::object role{{"role", "app"}, {"password", password}};
    boost::json::object target{{"name", "local"},
                               {"host", "127.0.0.1"},
                               {"port", server.port},
                               {"database", "app"},
                               {"tls", "disable"},
                               {"roles", boost::json::array{role}}};
    if (create(api, "/v1/targets", target)) return;
    api.call("PUT", "/v1/targets/local/roles/app", boost::json::object{{"password", password}});
}

// The password stands in the file before the user exists, so that an interruption loses nothing.
std::string first_password(const Paths& paths) {
    constexpr std::string_view label = "Password:";
    if (std::filesystem::exists(paths.first_sign_in())) {
        const auto text = read_file(paths.first_sign_in());
        const auto found = text.find(label);
        if (found != std::string::npos) {
            const auto begin = text.find_first_not_of(' ', found + label.size());
            return text.substr(begin, text.find('\n', begin) - begin);
        }
    }
    const auto password = crypto::random_password(user_password_length);
    write_file(paths.first_sign_in(),
               fmt::format("E-mail:   {}\n{} {}\n", first_user, label, password),
               0600);
    return password;
}

}  // namespace

bool has_several_targets(const AuthApi& api) {
    return list_of(api.call("GET", "/v1/targets"), "targets").size() > 1;
}

void register_first_user(const Paths& paths, const SqlServer& postgres, const AuthApi& api) {
    const auto role_password = crypto::random_password(role_password_length);
    make_role_and_database(postgres, role_password);
    make_target(api, postgres, role_password);
    create(api,
           "/v1/users",
           boost::json::object{
               {"email", first_user}, {"password", first_password(paths)}, {"admin", true}});
    create(api,
           "/v1/grants",
           boost::json::object{
               {"user", first_user}, {"role", "app"}, {"database", "*"}, {"target", "local"}});
}

}  // namespace sluice::ctl
