#pragma once

#include "auth/service/active_requests.hpp"
#include "auth/service/api_tokens.hpp"
#include "auth/service/link_service.hpp"
#include "auth/service/passwords.hpp"
#include "common/http/router.hpp"

#include <string>

namespace sluice::auth {

// The JSON API below /v1/. Errors are {"error":{"code","message"}}. Must outlive the router's server.
class ApiRoutes {
public:
    struct Parts {
        const ApiTokens& tokens;
        LinkService& links;
        StoreAccess& store;
        Passwords& passwords;
        const crypto::SecretBox& box;
        AuditLog& audit;
        ActiveRequests& active;
    };
    explicit ApiRoutes(const Parts& parts) : parts_(parts) {}
    void add_to(http::Router& router);

private:
    // A request whose token was accepted.
    struct Call {
        http::Request request;
        std::string caller;  // "token:admin", for the audit
        const std::string& part(const std::string& name) const {
            return request.parameters.at(name);
        }
    };
    using Answer = net::Awaitable<http::Response>;
    using Method = Answer (ApiRoutes::*)(Call);
    void add(http::Router& router,
             const char* method,
             const char* pattern,
             TokenScope scope,
             Method handler);
    Answer dispatch(TokenScope scope, Method handler, http::Request request);

    // Of proxies.
    Answer register_link(Call call);
    Answer end_link(Call call);
    Answer link_connected(Call call);

    // Of administrators (api_admin.cpp).
    Answer add_user(Call call);
    Answer list_users(Call call);
    Answer change_user(Call call);
    Answer remove_user(Call call);
    Answer add_target(Call call);
    Answer list_targets(Call call);
    Answer remove_target(Call call);
    Answer set_target_role(Call call);
    Answer add_grant(Call call);
    Answer list_grants(Call call);
    Answer remove_grant(Call call);
    Answer list_sessions(Call call);
    Answer list_audit(Call call);
    // Runs a change of the store, writes its audit line and answers `status`.
    template <class Change>
    Answer apply(Change change, AuditEvent event, int status);
    Answer unknown(Call call);

    Parts parts_;
};

// Shared by the .cpp files of the API.
http::Response api_problem(int status, std::string code, std::string message);
// 409, 404 or 503 as the store's error says; a failing database is logged.
http::Response api_problem(const Error& error);
http::Response bad_request(const Error& error);

}  // namespace sluice::auth
