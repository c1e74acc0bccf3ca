#pragma once

#include "auth/api/messages.hpp"
#include "backend/protocol/error_fields.hpp"
#include "proxy/config.hpp"

#include <string>
#include <string_view>

namespace sluice::proxy {

// Two words and two digits that terminal and page both show, so that a person can tell that they
// belong together: "maple otter 47". Made with a key of this process; the link does not reveal it.
std::string make_phrase(ByteView key, std::string_view session_id);

// The NOTICE with the link. Texts of the client are made printable.
pg::ErrorFields link_notice(const LinkConfig& config,
                            std::string_view session_id,
                            std::string_view phrase,
                            const auth::RequestedAccess& requested,
                            std::string_view client_address);

// The FATAL for a link that sluice-auth refused to register, with a hint where there is one.
pg::ErrorFields registration_refusal(const auth::ApiError& refusal);

// The FATAL for a login at a target that was given no password for the role, and could have done
// with one.
pg::ErrorFields no_password_refusal(const std::string& target, const std::string& role);

// The NOTICE after approval.
pg::ErrorFields approval_notice(const auth::LinkSuccess& success, std::string_view target);

}  // namespace sluice::proxy
