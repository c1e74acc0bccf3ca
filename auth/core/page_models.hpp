#pragma once

#include "auth/core/link_session.hpp"
#include "auth/core/template.hpp"
#include "common/base/time.hpp"

#include <span>
#include <string>

// The values of each page, as auth/web/README.md lists them. Texts that a client chose pass
// through printable(); the template escapes them for HTML.
namespace sluice::auth {

// Of every page.
struct PageFrame {
    std::string csrf;
    std::string user;  // e-mail; empty when nobody is signed in
};

TemplateMap page_values(const PageFrame& frame);

TemplateMap approve_values(const PageFrame& frame, const LinkSession& session, WallTime now);

// The page of a session that is not to be decided any more. Details are for the user who opened it.
enum class Details { show, hide };
TemplateMap outcome_values(const PageFrame& frame,
                           const LinkSession& session,
                           Details details,
                           WallTime now);
// "unknown" or "claimed": tells nothing about the session.
TemplateMap bare_outcome_values(const PageFrame& frame, std::string_view state);
// The user has no grant for what the session asks for.
TemplateMap no_grant_values(const PageFrame& frame,
                            const LinkSession& session,
                            const std::string& administrators,
                            WallTime now);

TemplateMap home_values(const PageFrame& frame,
                        std::span<const LinkSession> sessions,
                        const std::string& connect_command,
                        WallTime now);

struct SignInForm {
    std::string next;
    std::string email;  // typed before
    std::string error;
    std::string throttled;  // how long to wait
    std::string notice;
};
TemplateMap sign_in_values(const PageFrame& frame, const SignInForm& form);

TemplateMap error_values(const PageFrame& frame,
                         int status,
                         std::string heading,
                         std::string message);

// {"state":"opened","seconds_left":42}
std::string state_json(const LinkSession& session, WallTime now);

}  // namespace sluice::auth
