#include "auth/core/policy.hpp"

#include "common/base/text.hpp"

#include <algorithm>

namespace sluice::auth {

namespace {

bool matches(const std::string& pattern, const std::string& name) {
    return pattern == any_name || pattern == name;
}

bool is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.' || c == '@';
}

}  // namespace

bool covers(const Grant& grant, const RequestedAccess& access) {
    return matches(grant.role, access.role) && matches(grant.database, access.database) &&
           matches(grant.target, access.target);
}

bool is_granted(std::span<const Grant> grants, const RequestedAccess& access) {
    return std::any_of(
        grants.begin(), grants.end(), [&](const Grant& grant) { return covers(grant, access); });
}

std::string shell_quoted(std::string_view argument) {
    const bool plain = !argument.empty() && argument.front() != '-' &&
                       std::all_of(argument.begin(), argument.end(), is_plain);
    if (plain) return std::string(argument);
    std::string quoted = "'";
    for (const char c : argument) {
        if (c == '\'') {
            quoted += "'\\''";
        } else {
            quoted += c;
        }
    }
    return quoted + "'";
}

std::string grant_command(const std::string& user, const RequestedAccess& access) {
    const auto option = [](std::string_view name, const std::string& value) {
        return " --" + std::string(name) + "=" + shell_quoted(printable(value));
    };
    return "sluicectl grant add " + shell_quoted(printable(user)) + option("role", access.role) +
           option("database", access.database) + option("target", access.target);
}

}  // namespace sluice::auth
