#include "auth/core/audit_event.hpp"

#include "auth/core/times.hpp"
#include "common/base/text.hpp"

#include <boost/json.hpp>

#include <algorithm>

namespace sluice::auth {

bool is_audit_event(std::string_view name) {
    return std::find(audit_event_names.begin(), audit_event_names.end(), name) !=
           audit_event_names.end();
}

AuditEvent made_printable(AuditEvent event) {
    for (std::string* text : {&event.session_id,
                              &event.user,
                              &event.role,
                              &event.database,
                              &event.target,
                              &event.client_address,
                              &event.detail}) {
        *text = printable(*text);
    }
    return event;
}

boost::json::object json_object(const AuditEvent& event) {
    return {{"time", iso_time(event.time)},
            {"event", event.event},
            {"session_id", event.session_id},
            {"user", event.user},
            {"role", event.role},
            {"database", event.database},
            {"target", event.target},
            {"client_address", event.client_address},
            {"detail", event.detail}};
}

std::string to_json(const AuditEvent& event) { return boost::json::serialize(json_object(event)); }

}  // namespace sluice::auth
