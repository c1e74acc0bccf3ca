#pragma once

#include <string>
#include <string_view>

namespace sluice::auth {

// The token that every form of a browser session carries: a MAC keyed with the session's cookie,
// which only that browser and we know. Needs no state and survives a restart.
std::string csrf_token(std::string_view session_cookie);
// In time that does not depend on the content. An empty cookie matches nothing.
bool is_csrf_token(std::string_view session_cookie, std::string_view token);

// How a browser said where a POST comes from.
struct PostSource {
    std::string_view origin;          // header Origin, empty when absent
    std::string_view sec_fetch_site;  // header Sec-Fetch-Site, empty when absent
};
// Whether the POST comes from a page of ours. Browsers send "Origin: null" with the forms of
// pages that have the referrer policy no-referrer, as ours; then Sec-Fetch-Site decides where the
// browser sends it, and the CSRF token alone where it does not.
bool is_same_origin(const PostSource& source, std::string_view public_origin);

// "https://host:port" of an URL, lower case, without the scheme's own port.
std::string origin_of(std::string_view url);

}  // namespace sluice::auth
