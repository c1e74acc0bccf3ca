#include "auth/core/input_rules.hpp"

#include "common/base/text.hpp"

#include <algorithm>

namespace sluice::auth {

namespace {

constexpr std::size_t name_length_max = 255;
constexpr std::size_t text_length_max = 256;

Error wrong(std::string text) { return Error(ErrorKind::client, std::move(text)); }

bool is_control_or_space(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte <= 0x20 || byte == 0x7f;
}

bool is_control(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
}

bool is_name_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && is_control_or_space(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_control_or_space(text.back())) text.remove_suffix(1);
    return text;
}

// Cuts at a character's boundary.
void truncate_utf8(std::string& text, std::size_t length_max) {
    if (text.size() <= length_max) return;
    std::size_t length = length_max;
    while (length > 0 && (static_cast<unsigned char>(text[length]) & 0xC0U) == 0x80U) --length;
    text.resize(length);
}

}  // namespace

std::optional<std::string> normalised_email(std::string_view text) {
    text = trimmed(text);
    const std::size_t at = text.find('@');
    const bool one_at = at != std::string_view::npos && text.find('@', at + 1) == text.npos;
    if (!one_at || at == 0 || at + 1 == text.size() || text.size() > 254) return std::nullopt;
    if (std::any_of(text.begin(), text.end(), is_control_or_space)) return std::nullopt;
    if (!is_utf8(text)) return std::nullopt;
    return to_lower(text);
}

Result<void> check_new_password(std::string_view password) {
    if (password.size() < password_length_min) {
        return wrong("the password must have at least 8 characters");
    }
    if (password.size() > password_length_max) {
        return wrong("the password must have at most 1024 bytes");
    }
    return {};
}

Result<void> check_name(std::string_view what, std::string_view name) {
    const std::string subject(what);
    if (name.empty()) return wrong(subject + " must not be empty");
    if (name.size() > name_length_max) return wrong(subject + " must have at most 255 bytes");
    if (!is_utf8(name) || std::any_of(name.begin(), name.end(), is_control)) {
        return wrong(subject + " must not hold control characters");
    }
    return {};
}

Result<void> check_target_name(std::string_view name) {
    constexpr std::size_t length_max = 63;
    if (name.empty() || name.size() > length_max ||
        !std::all_of(name.begin(), name.end(), is_name_character)) {
        return wrong("name must be 1 to 63 letters, digits, '-', '_' and '.'");
    }
    return {};
}

Result<void> check_host(std::string_view host) {
    const bool right = std::all_of(
        host.begin(), host.end(), [](char c) { return is_name_character(c) || c == ':'; });
    if (host.empty() || host.size() > name_length_max || !right) {
        return wrong("host must be a host name or an IP address");
    }
    return {};
}

bool is_session_id(std::string_view text) {
    return text.size() >= 8 && text.size() <= 64 &&
           std::all_of(text.begin(), text.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
           });
}

Result<void> check_registration(LinkRegistration& registration) {
    if (!is_session_id(registration.session_id)) {
        return wrong("session_id must be 8 to 64 lower-case letters and digits");
    }
    RequestedAccess& requested = registration.requested;
    if (requested.database.empty()) requested.database = requested.role;
    if (auto ok = check_name("requested.role", requested.role); !ok) return ok;
    if (auto ok = check_name("requested.database", requested.database); !ok) return ok;
    if (!requested.target.empty()) {
        if (auto ok = check_name("requested.target", requested.target); !ok) return ok;
    }
    if (auto ok = check_name("instance", registration.instance); !ok) return ok;
    if (registration.phrase.size() > text_length_max) return wrong("phrase is too long");
    if (registration.client.address.size() > text_length_max) {
        return wrong("client.address is too long");
    }
    if (registration.client.tls.size() > text_length_max) return wrong("client.tls is too long");
    truncate_utf8(registration.client.application_name, text_length_max);
    return {};
}

std::string safe_next(std::string_view next) {
    constexpr std::string_view link_prefix = "/s/";
    if (next.starts_with(link_prefix) && is_session_id(next.substr(link_prefix.size()))) {
        return std::string(next);
    }
    return "/";
}

}  // namespace sluice::auth
