#pragma once

#include "common/base/time.hpp"

#include <boost/json/fwd.hpp>

#include <array>
#include <string>
#include <string_view>

namespace sluice::auth {

// One line of the audit. Texts from outside pass through printable() when an event is made, so
// whatever reads the table or the file sees no control characters.
struct AuditEvent {
    WallTime time;
    std::string event;  // "requested", "approved", "sign_in_failed", ...
    std::string session_id;
    std::string user;
    std::string role;
    std::string database;
    std::string target;
    std::string client_address;
    std::string detail;
};

// Every name that `event` has, those of link sessions first.
inline constexpr std::array<std::string_view, 19> audit_event_names{"requested",
                                                                    "opened",
                                                                    "approved",
                                                                    "connected",
                                                                    "denied",
                                                                    "expired",
                                                                    "abandoned",
                                                                    "failed",
                                                                    "sign_in",
                                                                    "sign_in_failed",
                                                                    "sign_out",
                                                                    "user_added",
                                                                    "user_changed",
                                                                    "user_removed",
                                                                    "target_added",
                                                                    "target_removed",
                                                                    "target_role_set",
                                                                    "grant_added",
                                                                    "grant_removed"};
bool is_audit_event(std::string_view name);

// Makes every text safe to print and bounds its length.
AuditEvent made_printable(AuditEvent event);
// Members named as above; the time as ISO 8601 in UTC.
boost::json::object json_object(const AuditEvent& event);
// The same as text without line break.
std::string to_json(const AuditEvent& event);

}  // namespace sluice::auth
