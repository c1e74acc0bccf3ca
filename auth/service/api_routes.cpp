#include "auth/service/api_routes.hpp"

#include "auth/api/messages.hpp"
#include "auth/core/times.hpp"
#include "common/observability/log.hpp"

namespace sluice::auth {

namespace {

http::Response without_cache(http::Response response) {
    response.headers.emplace_back("Cache-Control", "no-store");
    response.headers.emplace_back("X-Content-Type-Options", "nosniff");
    return response;
}

http::Response no_such_session() {
    return api_problem(404, "session_unknown", "there is no such link session");
}

}  // namespace

http::Response api_problem(int status, std::string code, std::string message) {
    return http::Response::json(status, encode(ApiError{std::move(code), std::move(message)}));
}

http::Response api_problem(const Error& error) {
    if (is(error, StoreErrc::conflict)) {
        return api_problem(409, "exists", error.detail + " exists already");
    }
    if (is(error, StoreErrc::not_found)) {
        return api_problem(404, "not_found", error.detail + " does not exist");
    }
    log::Log().error("database failed", {{"reason", error.message()}});
    return api_problem(503, "storage", error.code.message() + "; nothing was changed");
}

http::Response bad_request(const Error& error) {
    return api_problem(400, "bad_request", error.detail);
}

void ApiRoutes::add(http::Router& router,
                    const char* method,
                    const char* pattern,
                    TokenScope scope,
                    Method handler) {
    router.add(
        method, pattern, parts_.active.counted([this, scope, handler](http::Request request) {
            return dispatch(scope, handler, std::move(request));
        }));
}

void ApiRoutes::add_to(http::Router& router) {
    const TokenScope proxy = TokenScope::proxy;
    const TokenScope admin = TokenScope::admin;
    add(router, "POST", "/v1/link/sessions", proxy, &ApiRoutes::register_link);
    add(router, "DELETE", "/v1/link/sessions/{id}", proxy, &ApiRoutes::end_link);
    add(router, "POST", "/v1/link/sessions/{id}/connected", proxy, &ApiRoutes::link_connected);
    add(router, "POST", "/v1/users", admin, &ApiRoutes::add_user);
    add(router, "GET", "/v1/users", admin, &ApiRoutes::list_users);
    add(router, "PATCH", "/v1/users/{email}", admin, &ApiRoutes::change_user);
    add(router, "DELETE", "/v1/users/{email}", admin, &ApiRoutes::remove_user);
    add(router, "POST", "/v1/targets", admin, &ApiRoutes::add_target);
    add(router, "GET", "/v1/targets", admin, &ApiRoutes::list_targets);
    add(router, "DELETE", "/v1/targets/{name}", admin, &ApiRoutes::remove_target);
    add(router, "PUT", "/v1/targets/{name}/roles/{role}", admin, &ApiRoutes::set_target_role);
    add(router, "POST", "/v1/grants", admin, &ApiRoutes::add_grant);
    add(router, "GET", "/v1/grants", admin, &ApiRoutes::list_grants);
    add(router, "DELETE", "/v1/grants/{id}", admin, &ApiRoutes::remove_grant);
    add(router, "GET", "/v1/sessions", admin, &ApiRoutes::list_sessions);
    add(router, "GET", "/v1/audit", admin, &ApiRoutes::list_audit);
    add(router, "GET", "/v1/{rest*}", proxy, &ApiRoutes::unknown);
}

ApiRoutes::Answer ApiRoutes::dispatch(TokenScope scope, Method handler, http::Request request) {
    const auto token = parts_.tokens.find(request.header("Authorization"));
    if (!token) {
        http::Response refused =
            api_problem(401, "unauthorized", "send a known token as Authorization: Bearer");
        refused.headers.emplace_back("WWW-Authenticate", "Bearer");
        co_return without_cache(std::move(refused));
    }
    if (scope == TokenScope::admin && token->scope != TokenScope::admin) {
        co_return without_cache(api_problem(403, "forbidden", "this token may not do that"));
    }
    Call call{std::move(request), "token:" + token->name};
    http::Response response = co_await (this->*handler)(std::move(call));
    co_return without_cache(std::move(response));
}

ApiRoutes::Answer ApiRoutes::unknown(Call) {
    co_return api_problem(404, "not_found", "there is no such call");
}

ApiRoutes::Answer ApiRoutes::register_link(Call call) {
    auto registration = parse_link_registration(call.request.body);
    if (!registration) co_return bad_request(registration.error());
    auto result = co_await parts_.links.register_link(std::move(*registration));
    if (!result) co_return api_problem(result.error());
    if (!*result) {
        const Refusal& refusal = result->error();
        co_return api_problem(refusal.status, refusal.code, refusal.message);
    }
    const LinkSession& session = **result;
    const LinkRegistered registered{session.id, iso_time(session.expires_at)};
    co_return http::Response::json(201, encode(registered));
}

ApiRoutes::Answer ApiRoutes::end_link(Call call) {
    const auto reason = call.request.query.find("reason");
    const bool known = reason != call.request.query.end() &&
                       (reason->second == "abandoned" || reason->second == "expired");
    if (!known) {
        co_return api_problem(400, "bad_request", "reason must be abandoned or expired");
    }
    const bool expired = reason->second == "expired";
    auto operation =
        expired ? parts_.links.expire(call.part("id")) : parts_.links.abandon(call.part("id"));
    auto found = co_await std::move(operation);
    if (!found) co_return api_problem(found.error());
    if (!*found) co_return no_such_session();
    co_return http::Response::no_content();
}

ApiRoutes::Answer ApiRoutes::link_connected(Call call) {
    auto backend_pid = parse_connected(call.request.body);
    if (!backend_pid) co_return bad_request(backend_pid.error());
    auto report = co_await parts_.links.connected(call.part("id"), *backend_pid);
    if (!report) co_return api_problem(report.error());
    if (*report == LinkService::Report::unknown) co_return no_such_session();
    if (*report == LinkService::Report::not_approved) {
        co_return api_problem(409, "not_approved", "the link session is not approved");
    }
    co_return http::Response::no_content();
}

}  // namespace sluice::auth
