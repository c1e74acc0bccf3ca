#pragma once

#include "auth/service/store_access.hpp"
#include "common/http/message.hpp"

#include <chrono>
#include <optional>
#include <string>

namespace sluice::auth {

// Browsers that are signed in: a random token in a cookie (HttpOnly, SameSite=Lax, Secure over TLS),
// its hash in the store. A session ends after `lifetime`, or after `idle` without a page being
// looked at. Any thread.
class Sessions {
public:
    struct Settings {
        std::chrono::milliseconds lifetime{std::chrono::hours(12)};
        std::chrono::milliseconds idle{std::chrono::hours(1)};
        bool secure = false;
    };
    Sessions(StoreAccess& store, const Settings& settings) : store_(store), settings_(settings) {}

    struct SignedIn {
        std::string cookie;
        User user;
    };
    enum class Activity {
        user,        // counts as use
        background,  // a script that polls: does not keep the session alive
    };
    // nullopt: not signed in (no cookie, unknown, too old, or the user is disabled).
    net::Awaitable<Result<std::optional<SignedIn>>> find(std::string cookie, Activity activity);

    // Signs in: always a fresh token. `old_cookie` ends. Returns the Set-Cookie header.
    net::Awaitable<Result<std::string>> start(User user, std::string old_cookie, AuditEvent event);
    net::Awaitable<Result<void>> end(std::string cookie, AuditEvent event);
    // Removes the sessions that ended by time.
    net::Awaitable<Result<void>> remove_old();

    // The cookie of the request; empty when there is none.
    std::string cookie_of(const http::Request& request) const;
    std::string cleared_cookie() const;

    // Before sign-in there is no session; the form's token is tied to this cookie instead.
    std::string form_cookie_of(const http::Request& request) const;
    static std::string new_form_token();
    std::string set_form_cookie(const std::string& token) const;

private:
    std::string cookie_name(const char* name) const;
    std::string set_cookie(const char* name,
                           const std::string& value,
                           std::optional<std::chrono::seconds> max_age) const;
    bool is_over(const WebSession& session, WallTime now) const;

    StoreAccess& store_;
    Settings settings_;
};

}  // namespace sluice::auth
