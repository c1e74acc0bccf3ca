#pragma once

#include "auth/api/messages.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace sluice::auth {

// "User may use role and database on target". "*" stands for every role, database or target.
struct Grant {
    std::int64_t id = 0;
    std::string user;  // e-mail
    std::string role;
    std::string database;
    std::string target;
};

inline constexpr std::string_view any_name = "*";

// `access` is complete: database and target are filled in.
bool covers(const Grant& grant, const RequestedAccess& access);
// True when one of the grants, which must all be the same user's, covers the access.
bool is_granted(std::span<const Grant> grants, const RequestedAccess& access);

// The command that an administrator runs to make the missing grant, quoted for a POSIX shell:
// role and database were chosen by a stranger.
std::string grant_command(const std::string& user, const RequestedAccess& access);
std::string shell_quoted(std::string_view argument);

}  // namespace sluice::auth
