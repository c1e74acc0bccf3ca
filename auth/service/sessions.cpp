#include "auth/service/sessions.hpp"

#include "common/base/hex.hpp"
#include "common/crypto/hash.hpp"
#include "common/crypto/random_bytes.hpp"

#include <algorithm>

namespace sluice::auth {

namespace {

using std::chrono::system_clock;

constexpr const char* session_cookie = "sluice_session";
constexpr const char* form_cookie = "sluice_form";
constexpr std::size_t token_bytes = 32;
constexpr std::size_t cookie_length_max = 128;
// Every page would cost a write otherwise.
constexpr std::chrono::milliseconds touch_interval_max{60'000};

std::string new_token() { return crypto::to_base64url(crypto::random_bytes(token_bytes)); }

std::string hash_of(const std::string& cookie) { return to_hex(crypto::sha256(as_bytes(cookie))); }

std::string bounded(std::optional<std::string_view> cookie) {
    return cookie && cookie->size() <= cookie_length_max ? std::string(*cookie) : std::string();
}

}  // namespace

// The prefix __Host- makes browsers refuse the cookie from other hosts and without TLS.
std::string Sessions::cookie_name(const char* name) const {
    return settings_.secure ? std::string("__Host-") + name : name;
}

std::string Sessions::set_cookie(const char* name,
                                 const std::string& value,
                                 std::optional<std::chrono::seconds> max_age) const {
    std::string header = cookie_name(name) + "=" + value + "; Path=/; HttpOnly; SameSite=Lax";
    if (settings_.secure) header += "; Secure";
    if (max_age) header += "; Max-Age=" + std::to_string(max_age->count());
    return header;
}

std::string Sessions::cookie_of(const http::Request& request) const {
    return bounded(request.cookie(cookie_name(session_cookie)));
}

std::string Sessions::cleared_cookie() const {
    return set_cookie(session_cookie, "", std::chrono::seconds(0));
}

std::string Sessions::form_cookie_of(const http::Request& request) const {
    return bounded(request.cookie(cookie_name(form_cookie)));
}

std::string Sessions::new_form_token() { return new_token(); }

std::string Sessions::set_form_cookie(const std::string& token) const {
    return set_cookie(form_cookie, token, std::nullopt);
}

bool Sessions::is_over(const WebSession& session, WallTime now) const {
    return session.user.disabled || now >= session.created_at + settings_.lifetime ||
           now >= session.last_seen_at + settings_.idle;
}

net::Awaitable<Result<std::optional<Sessions::SignedIn>>> Sessions::find(std::string cookie,
                                                                         Activity activity) {
    using Found = std::optional<SignedIn>;
    if (cookie.empty()) co_return Found();
    const WallTime now = system_clock::now();
    const std::string hash = hash_of(cookie);
    auto load = [&hash](Store& store) { return store.find_web_session(hash); };
    auto session = co_await store_.run(std::move(load));
    if (!session) co_return std::move(session).error();
    if (!*session || is_over(**session, now)) co_return Found();

    const auto touch_interval = std::min(touch_interval_max, settings_.idle / 10);
    if (activity == Activity::user && now >= (*session)->last_seen_at + touch_interval) {
        auto touch = [&hash, now](Store& store) { return store.touch_web_session(hash, now); };
        auto touched = co_await store_.run(std::move(touch));
        if (!touched) co_return std::move(touched).error();
    }
    SignedIn signed_in{std::move(cookie), std::move((*session)->user)};
    co_return Found(std::move(signed_in));
}

net::Awaitable<Result<std::string>> Sessions::start(User user,
                                                    std::string old_cookie,
                                                    AuditEvent event) {
    const std::string token = new_token();
    const WallTime now = system_clock::now();
    WebSession session{hash_of(token), std::move(user), now, now};
    auto work = [&](Store& store) -> Result<void> {
        if (!old_cookie.empty()) {
            auto removed = store.remove_web_session(hash_of(old_cookie), std::nullopt);
            if (!removed) return removed;
        }
        return store.add_web_session(session, event);
    };
    auto added = co_await store_.run(std::move(work));
    if (!added) co_return std::move(added).error();
    const auto max_age = std::chrono::duration_cast<std::chrono::seconds>(settings_.lifetime);
    co_return set_cookie(session_cookie, token, max_age);
}

net::Awaitable<Result<void>> Sessions::end(std::string cookie, AuditEvent event) {
    auto work = [&](Store& store) { return store.remove_web_session(hash_of(cookie), event); };
    co_return co_await store_.run(std::move(work));
}

net::Awaitable<Result<void>> Sessions::remove_old() {
    const WallTime now = system_clock::now();
    auto work = [now, settings = settings_](Store& store) {
        return store.remove_old_web_sessions(now - settings.lifetime, now - settings.idle);
    };
    co_return co_await store_.run(std::move(work));
}

}  // namespace sluice::auth
