#pragma once

#include "auth/api/messages.hpp"
#include "common/base/result.hpp"

#include <optional>
#include <string>
#include <string_view>

// What sluice-auth accepts from outside. Errors have kind client and may be shown.
namespace sluice::auth {

inline constexpr std::size_t password_length_min = 8;
inline constexpr std::size_t password_length_max = 1024;

// Trimmed and in lower case; nullopt when it is none (no "@", spaces, control characters, longer
// than 254 bytes).
std::optional<std::string> normalised_email(std::string_view text);
Result<void> check_new_password(std::string_view password);
// A name of a role, database, target or instance: 1 to 255 bytes without control characters.
Result<void> check_name(std::string_view what, std::string_view name);
// What a client of the proxy can name: 1 to 63 letters, digits, '-', '_' and '.'.
Result<void> check_target_name(std::string_view name);
// A host name or an IP address, as far as its characters go: 1 to 255 letters, digits, '-', '_',
// '.' and ':'.
Result<void> check_host(std::string_view host);
// 8 to 64 lower-case letters and digits.
bool is_session_id(std::string_view text);

// Lengths and forms; fills in an empty database (PostgreSQL's rule: named like the role) and cuts
// an overlong application name.
Result<void> check_registration(LinkRegistration& registration);

// Where to go after signing in: "/" and links are kept, everything else becomes "/". Never leads
// to another site.
std::string safe_next(std::string_view next);

}  // namespace sluice::auth
