#include "auth/service/web_routes.hpp"

#include "auth/api/messages.hpp"
#include "auth/core/csrf.hpp"
#include "auth/core/input_rules.hpp"
#include "auth/core/times.hpp"
#include "common/base/text.hpp"
#include "common/observability/log.hpp"

#include <boost/json.hpp>

namespace sluice::auth {

namespace {

using std::chrono::steady_clock;
using std::chrono::system_clock;

constexpr int recent_links = 20;
constexpr const char* content_security_policy =
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

http::Response with_security_headers(http::Response response) {
    for (const auto& [name, value] : {std::pair{"Content-Security-Policy", content_security_policy},
                                      std::pair{"X-Content-Type-Options", "nosniff"},
                                      std::pair{"X-Frame-Options", "DENY"},
                                      std::pair{"Referrer-Policy", "no-referrer"},
                                      std::pair{"Cross-Origin-Opener-Policy", "same-origin"}}) {
        response.headers.emplace_back(name, value);
    }
    return response;
}

http::Response without_cache(http::Response response) {
    response.headers.emplace_back("Cache-Control", "no-store");
    return with_security_headers(std::move(response));
}

http::Response go_to(std::string path) {
    return without_cache(http::Response::see_other(std::move(path)));
}

http::Response json_problem(int status, std::string code, std::string message) {
    return without_cache(
        http::Response::json(status, encode(ApiError{std::move(code), std::move(message)})));
}

std::string field(const std::map<std::string, std::string>& fields, const std::string& name) {
    const auto found = fields.find(name);
    return found == fields.end() ? std::string() : found->second;
}

PageFrame frame_of(const Sessions::SignedIn& visitor) {
    return PageFrame{csrf_token(visitor.cookie), visitor.user.email};
}

AuditEvent sign_in_event(std::string_view name,
                         const std::string& user,
                         const http::Request& request,
                         std::string detail = {}) {
    AuditEvent event;
    event.time = system_clock::now();
    event.event = std::string(name);
    event.user = user;
    event.client_address = request.peer_address;
    event.detail = std::move(detail);
    return made_printable(std::move(event));
}

std::string sign_in_path(const std::string& session_id) {
    return "/sign-in?next=" + http::percent_encode("/s/" + session_id);
}

}  // namespace

void WebRoutes::add(http::Router& router, const char* method, const char* pattern, Method handler) {
    router.add(method, pattern, parts_.active.counted([this, handler](http::Request request) {
        return (this->*handler)(std::move(request));
    }));
}

void WebRoutes::add_to(http::Router& router) {
    add(router, "GET", "/", &WebRoutes::home);
    add(router, "GET", "/sign-in", &WebRoutes::sign_in_form);
    add(router, "POST", "/sign-in", &WebRoutes::sign_in);
    add(router, "POST", "/sign-out", &WebRoutes::sign_out);
    add(router, "GET", "/s/{id}", &WebRoutes::link);
    add(router, "POST", "/s/{id}/approve", &WebRoutes::approve);
    add(router, "POST", "/s/{id}/deny", &WebRoutes::deny);
    add(router, "GET", "/s/{id}/state", &WebRoutes::state);
    add(router, "GET", "/static/{name}", &WebRoutes::static_file);
    add(router, "GET", "/{rest*}", &WebRoutes::not_found);
}

http::Response WebRoutes::page(int status, std::string_view name, const TemplateMap& values) const {
    return without_cache(http::Response::html(status, parts_.assets.render(name, values)));
}

http::Response WebRoutes::storage_page(const PageFrame& frame, const Error& error) const {
    log::Log().error("database failed", {{"reason", error.message()}});
    const std::string message =
        "Nothing was changed. Try again in a moment; if it stays, tell your "
        "administrator: " +
        error.code.message() + ".";
    return page(503, "error", error_values(frame, 503, "The database does not work", message));
}

std::optional<http::Response> WebRoutes::refuse_post(const http::Request& request,
                                                     const std::string& cookie,
                                                     const PageFrame& frame) const {
    const PostSource source{request.header("Origin").value_or(""),
                            request.header("Sec-Fetch-Site").value_or("")};
    if (!is_same_origin(source, settings_.public_origin)) {
        return page(
            403,
            "error",
            error_values(frame,
                         403,
                         "This form came from another address",
                         "Open this page as " + settings_.public_origin + " and try again."));
    }
    if (!is_csrf_token(cookie, field(request.form(), "csrf"))) {
        return page(403,
                    "error",
                    error_values(frame,
                                 403,
                                 "This form is too old",
                                 "Nothing was done. Go back, load the page again and repeat."));
    }
    return std::nullopt;
}

WebRoutes::Answer WebRoutes::home(http::Request request) {
    auto visitor =
        co_await parts_.sessions.find(parts_.sessions.cookie_of(request), Sessions::Activity::user);
    if (!visitor) co_return storage_page(PageFrame(), visitor.error());
    if (!*visitor) co_return sign_in_page(request, 200, SignInForm());
    const PageFrame frame = frame_of(**visitor);
    Store::LinkFilter filter;
    filter.claimed_by = frame.user;
    filter.limit = recent_links;
    auto work = [&filter](Store& store) { return store.list_links(filter); };
    auto links = co_await parts_.store.run(std::move(work));
    if (!links) co_return storage_page(frame, links.error());
    co_return page(
        200, "home", home_values(frame, *links, settings_.connect_command, system_clock::now()));
}

http::Response WebRoutes::sign_in_page(const http::Request& request,
                                       int status,
                                       SignInForm form) const {
    std::string token = parts_.sessions.form_cookie_of(request);
    const bool fresh = token.empty();
    if (fresh) token = Sessions::new_form_token();
    form.next = safe_next(form.next);
    http::Response response =
        page(status, "sign_in", sign_in_values(PageFrame{csrf_token(token), ""}, form));
    if (fresh) response.headers.emplace_back("Set-Cookie", parts_.sessions.set_form_cookie(token));
    return response;
}

WebRoutes::Answer WebRoutes::sign_in_form(http::Request request) {
    SignInForm form;
    form.next = safe_next(field(request.query, "next"));
    auto visitor =
        co_await parts_.sessions.find(parts_.sessions.cookie_of(request), Sessions::Activity::user);
    if (!visitor) co_return storage_page(PageFrame(), visitor.error());
    if (*visitor) co_return go_to(form.next);
    if (request.query.contains("signed_out")) form.notice = "You are signed out.";
    co_return sign_in_page(request, 200, std::move(form));
}

WebRoutes::Answer WebRoutes::sign_in(http::Request request) {
    const std::string cookie = parts_.sessions.form_cookie_of(request);
    if (auto refused = refuse_post(request, cookie, PageFrame())) co_return std::move(*refused);
    const auto fields = request.form();
    SignInForm form;
    form.next = safe_next(field(fields, "next"));
    form.email = field(fields, "email").substr(0, 254);
    Secret password(field(fields, "password"));
    if (password.reveal().size() > password_length_max) password = Secret();

    const std::string email = normalised_email(form.email).value_or(to_lower(form.email));
    std::optional<std::chrono::milliseconds> wait;
    {
        const std::lock_guard lock(throttle_mutex_);
        wait = throttle_.admit(email, request.peer_address, steady_clock::now());
    }
    if (!wait) {
        co_return co_await check_password(std::move(request), std::move(form), std::move(password));
    }
    parts_.metrics.sign_in(SignInResult::throttled);
    log::Log().warn("sign-in throttled", {{"user", email}, {"client", request.peer_address}});
    form.throttled = rough_duration(*wait);
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(*wait).count();
    http::Response response = sign_in_page(request, 429, std::move(form));
    response.headers.emplace_back("Retry-After", std::to_string(seconds));
    co_return std::move(response);
}

WebRoutes::Answer WebRoutes::check_password(http::Request request,
                                            SignInForm form,
                                            Secret password) {
    const std::string email = normalised_email(form.email).value_or(std::string());
    auto find = [&email](Store& store) { return store.find_user(email); };
    auto user = co_await parts_.store.run(std::move(find));
    if (!user) co_return storage_page(PageFrame(), user.error());
    // Without such a user the same work is done, so the time tells nothing.
    const std::string hash = *user ? (*user)->password_hash : std::string();
    auto right = co_await parts_.passwords.verify(hash, std::move(password));
    if (!right) {
        parts_.metrics.sign_in(SignInResult::busy);
        form.error = "Too many people sign in at the moment. Try again.";
        co_return sign_in_page(request, 503, std::move(form));
    }
    if (!*right || (*user)->disabled) {
        co_return co_await refuse_password(std::move(request), std::move(form));
    }
    co_return co_await let_in(std::move(request), std::move(**user), std::move(form.next));
}

WebRoutes::Answer WebRoutes::refuse_password(http::Request request, SignInForm form) {
    parts_.metrics.sign_in(SignInResult::wrong_password);
    AuditEvent event = sign_in_event("sign_in_failed", to_lower(form.email), request);
    auto work = [&event](Store& store) { return store.add_audit(event); };
    auto written = co_await parts_.store.run(std::move(work));
    if (!written) co_return storage_page(PageFrame(), written.error());
    parts_.audit.write(event);
    form.error = "E-mail or password is wrong.";
    co_return sign_in_page(request, 403, std::move(form));
}

WebRoutes::Answer WebRoutes::let_in(http::Request request, User user, std::string next) {
    const AuditEvent event = sign_in_event("sign_in", user.email, request);
    const std::string email = user.email;
    const std::string old_cookie = parts_.sessions.cookie_of(request);
    auto cookie = co_await parts_.sessions.start(std::move(user), old_cookie, event);
    if (!cookie) co_return storage_page(PageFrame(), cookie.error());
    {
        const std::lock_guard lock(throttle_mutex_);
        throttle_.succeeded(email, request.peer_address);
    }
    parts_.audit.write(event);
    parts_.metrics.sign_in(SignInResult::success);
    http::Response response = go_to(std::move(next));
    response.headers.emplace_back("Set-Cookie", *cookie);
    co_return std::move(response);
}

WebRoutes::Answer WebRoutes::sign_out(http::Request request) {
    const std::string cookie = parts_.sessions.cookie_of(request);
    auto visitor = co_await parts_.sessions.find(cookie, Sessions::Activity::user);
    if (!visitor) co_return storage_page(PageFrame(), visitor.error());
    if (*visitor) {
        const PageFrame frame = frame_of(**visitor);
        if (auto refused = refuse_post(request, cookie, frame)) co_return std::move(*refused);
        const AuditEvent event = sign_in_event("sign_out", frame.user, request);
        auto ended = co_await parts_.sessions.end(cookie, event);
        if (!ended) co_return storage_page(frame, ended.error());
        parts_.audit.write(event);
    }
    http::Response response = go_to("/sign-in?signed_out=1");
    // A form of another site comes without the cookie: it must not take it away.
    if (!cookie.empty())
        response.headers.emplace_back("Set-Cookie", parts_.sessions.cleared_cookie());
    co_return std::move(response);
}

http::Response WebRoutes::link_page(const PageFrame& frame, const LinkView& view) const {
    const WallTime now = system_clock::now();
    switch (view.kind) {
    case LinkView::Kind::unknown: return page(404, "result", bare_outcome_values(frame, "unknown"));
    case LinkView::Kind::claimed: return page(403, "result", bare_outcome_values(frame, "claimed"));
    case LinkView::Kind::decide:
        return page(200, "approve", approve_values(frame, view.session, now));
    case LinkView::Kind::no_grant:
        return page(403, "result", no_grant_values(frame, view.session, view.administrators, now));
    case LinkView::Kind::outcome: break;
    }
    const bool own = view.session.claimed_by == frame.user;
    return page(200,
                "result",
                outcome_values(frame, view.session, own ? Details::show : Details::hide, now));
}

WebRoutes::Answer WebRoutes::link(http::Request request) {
    const std::string id = request.parameters.at("id");
    auto visitor =
        co_await parts_.sessions.find(parts_.sessions.cookie_of(request), Sessions::Activity::user);
    if (!visitor) co_return storage_page(PageFrame(), visitor.error());
    if (!*visitor) co_return go_to(is_session_id(id) ? sign_in_path(id) : "/sign-in");
    const PageFrame frame = frame_of(**visitor);
    auto view = co_await parts_.links.open(id, frame.user);
    if (!view) co_return storage_page(frame, view.error());
    co_return link_page(frame, *view);
}

WebRoutes::Answer WebRoutes::decide(http::Request request, Decision decision) {
    const std::string id = request.parameters.at("id");
    const std::string cookie = parts_.sessions.cookie_of(request);
    auto visitor = co_await parts_.sessions.find(cookie, Sessions::Activity::user);
    if (!visitor) co_return storage_page(PageFrame(), visitor.error());
    if (!*visitor) co_return go_to(is_session_id(id) ? sign_in_path(id) : "/sign-in");
    const PageFrame frame = frame_of(**visitor);
    if (auto refused = refuse_post(request, cookie, frame)) co_return std::move(*refused);
    auto view = co_await (parts_.links.*decision)(id, frame.user);
    if (!view) co_return storage_page(frame, view.error());
    const bool shown_by_link =
        view->kind == LinkView::Kind::outcome || view->kind == LinkView::Kind::decide;
    if (shown_by_link) co_return go_to("/s/" + id);
    co_return link_page(frame, *view);
}

WebRoutes::Answer WebRoutes::approve(http::Request request) {
    return decide(std::move(request), &LinkService::approve);
}

WebRoutes::Answer WebRoutes::deny(http::Request request) {
    return decide(std::move(request), &LinkService::deny);
}

WebRoutes::Answer WebRoutes::state(http::Request request) {
    auto visitor = co_await parts_.sessions.find(parts_.sessions.cookie_of(request),
                                                 Sessions::Activity::background);
    if (!visitor) co_return json_problem(503, "storage", "the database does not work");
    if (!*visitor) co_return json_problem(401, "signed_out", "sign in first");
    const std::string user = (*visitor)->user.email;
    auto view = co_await parts_.links.look(request.parameters.at("id"), user);
    if (!view) co_return json_problem(503, "storage", "the database does not work");
    if (view->kind == LinkView::Kind::unknown) {
        co_return json_problem(404, "session_unknown", "there is no such link");
    }
    if (view->kind == LinkView::Kind::claimed || view->session.claimed_by != user) {
        co_return json_problem(403, "not_yours", "you did not open this link");
    }
    co_return without_cache(
        http::Response::json(200, state_json(view->session, system_clock::now())));
}

WebRoutes::Answer WebRoutes::static_file(http::Request request) {
    const WebAssets::StaticFile* file = parts_.assets.find(request.parameters.at("name"));
    if (file == nullptr) co_return co_await not_found(std::move(request));
    http::Response response;
    const bool known = request.header("If-None-Match") == file->etag;
    response.status = known ? 304 : 200;
    response.headers.emplace_back("Content-Type", file->type);
    response.headers.emplace_back("ETag", file->etag);
    response.headers.emplace_back("Cache-Control", "no-cache");
    if (!known) response.body = std::string(file->content);
    co_return with_security_headers(std::move(response));
}

WebRoutes::Answer WebRoutes::not_found(http::Request) {
    co_return page(404,
                   "error",
                   error_values(PageFrame(),
                                404,
                                "There is no such page",
                                "Check the address, or open the link that psql printed."));
}

}  // namespace sluice::auth
