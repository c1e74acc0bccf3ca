#include "proxy/routing/target.hpp"

#include "common/base/text.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace sluice::proxy {

namespace {

constexpr std::array<std::string_view, 3> option_prefixes = {"target=", "endpoint=", "project="};

std::optional<std::string_view> target_option(std::string_view token) {
    for (const std::string_view prefix : option_prefixes) {
        if (token.starts_with(prefix)) return token.substr(prefix.size());
    }
    return std::nullopt;
}

std::string target_from_server_name(std::string_view server_name,
                                    std::span<const std::string> domains) {
    const std::string name = to_lower(server_name);
    std::size_t longest = 0;
    for (const std::string& domain : domains) {
        const std::string suffix = "." + to_lower(domain);
        if (name.size() > suffix.size() && name.ends_with(suffix)) {
            longest = std::max(longest, suffix.size());
        }
    }
    return longest == 0 ? "" : name.substr(0, name.size() - longest);
}

bool is_valid_name(std::string_view name) {
    constexpr std::size_t length_max = 63;
    return !name.empty() && name.size() <= length_max &&
           std::all_of(name.begin(), name.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '-' || c == '_' || c == '.';
           });
}

Error client_error(std::string text) { return {ErrorKind::client, std::move(text)}; }

}  // namespace

Result<TargetChoice> choose_target(const pg::StartupMessage& message,
                                   std::string_view server_name,
                                   std::span<const std::string> domains) {
    std::optional<std::string> named;
    std::vector<std::string> remaining;
    for (const std::string& token : pg::split_options(message.find("options").value_or(""))) {
        const auto target = target_option(token);
        if (!target) {
            remaining.push_back(token);
            continue;
        }
        if (named) return client_error("the option \"target\" is given more than once");
        named = *target;
    }
    const std::string from_tls = target_from_server_name(server_name, domains);
    const bool bad_option = named && !is_valid_name(*named);
    const bool bad_server_name = !from_tls.empty() && !is_valid_name(from_tls);
    if (bad_option || bad_server_name) {
        return client_error("the target name may hold only letters, digits, '-', '_' and '.'");
    }
    if (named && !from_tls.empty() && !equal_ignoring_case(*named, from_tls)) {
        return client_error("the target in the options and the one in the TLS server name differ");
    }
    TargetChoice choice;
    choice.target = named ? *named : from_tls;
    choice.remaining_options = pg::join_options(remaining);
    return choice;
}

}  // namespace sluice::proxy
