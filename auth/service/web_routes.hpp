#pragma once

#include "auth/core/login_throttle.hpp"
#include "auth/core/page_models.hpp"
#include "auth/service/active_requests.hpp"
#include "auth/service/link_service.hpp"
#include "auth/service/passwords.hpp"
#include "auth/service/sessions.hpp"
#include "auth/service/web_assets.hpp"
#include "common/http/router.hpp"

#include <mutex>
#include <string>

namespace sluice::auth {

// The pages for people. Every POST carries a token of its browser session and comes from our own
// origin; links and redirects are paths, so the Host header means nothing. Must outlive the
// router's server. Any thread.
class WebRoutes {
public:
    struct Parts {
        const WebAssets& assets;
        Sessions& sessions;
        LinkService& links;
        StoreAccess& store;
        Passwords& passwords;
        AuditLog& audit;
        AuthMetrics& metrics;
        ActiveRequests& active;
    };
    struct Settings {
        std::string public_origin;
        std::string connect_command;
        LoginThrottle::Limits login;
    };
    WebRoutes(const Parts& parts, const Settings& settings)
        : parts_(parts), settings_(settings), throttle_(settings.login) {}
    void add_to(http::Router& router);

private:
    using Answer = net::Awaitable<http::Response>;
    using Method = Answer (WebRoutes::*)(http::Request);
    using Decision = net::Awaitable<Result<LinkView>> (LinkService::*)(std::string, std::string);

    void add(http::Router& router, const char* method, const char* pattern, Method handler);

    Answer home(http::Request request);
    Answer sign_in_form(http::Request request);
    Answer sign_in(http::Request request);
    Answer sign_out(http::Request request);
    Answer link(http::Request request);
    Answer approve(http::Request request);
    Answer deny(http::Request request);
    Answer state(http::Request request);
    Answer static_file(http::Request request);
    Answer not_found(http::Request request);

    // POST of approve or deny.
    Answer decide(http::Request request, Decision decision);
    // The page with the form; sets the form's cookie when the browser has none.
    http::Response sign_in_page(const http::Request& request, int status, SignInForm form) const;
    Answer check_password(http::Request request, SignInForm form, Secret password);
    Answer let_in(http::Request request, User user, std::string next);
    Answer refuse_password(http::Request request, SignInForm form);
    http::Response link_page(const PageFrame& frame, const LinkView& view) const;
    http::Response page(int status, std::string_view name, const TemplateMap& values) const;
    http::Response storage_page(const PageFrame& frame, const Error& error) const;
    // The page that refuses the POST, or nullopt when it may go on.
    std::optional<http::Response> refuse_post(const http::Request& request,
                                              const std::string& cookie,
                                              const PageFrame& frame) const;

    Parts parts_;
    Settings settings_;
    std::mutex throttle_mutex_;
    LoginThrottle throttle_;
};

}  // namespace sluice::auth
