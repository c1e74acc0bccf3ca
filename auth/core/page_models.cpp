#include "auth/core/page_models.hpp"

#include "auth/core/policy.hpp"
#include "auth/core/times.hpp"
#include "common/base/text.hpp"

#include <boost/json.hpp>

namespace sluice::auth {

namespace {

void add_details(TemplateMap& values, const LinkSession& session) {
    values["role"] = printable(session.requested.role);
    values["database"] = printable(session.requested.database);
    values["target"] = printable(session.requested.target);
    values["client_address"] = printable(session.client.address);
    values["application_name"] = printable(session.client.application_name);
    values["tls"] = printable(session.client.tls);
}

void add_clock(TemplateMap& values, const LinkSession& session, WallTime now) {
    values["session_id"] = session.id;
    values["expires_at"] = iso_time(session.expires_at);
    values["seconds_left"] = std::to_string(session.left(now).count());
}

// What readers outside know: an approval on its way is still pending.
std::string_view public_state(LinkState state) {
    return state == LinkState::approving ? "pending" : to_string(state);
}

bool can_be_decided(const LinkSession& session, WallTime now) {
    return is_open(session.state) && now < session.expires_at;
}

}  // namespace

TemplateMap page_values(const PageFrame& frame) {
    return TemplateMap{{"csrf", frame.csrf}, {"user", frame.user}};
}

TemplateMap approve_values(const PageFrame& frame, const LinkSession& session, WallTime now) {
    TemplateMap values = page_values(frame);
    add_details(values, session);
    add_clock(values, session, now);
    const auto ttl =
        std::chrono::ceil<std::chrono::seconds>(session.expires_at - session.created_at);
    values["state"] = public_state(session.state);
    values["phrase"] = printable(session.phrase);
    values["ttl_seconds"] = std::to_string(ttl.count());
    values["time_left"] = minutes_and_seconds(session.left(now));
    return values;
}

TemplateMap outcome_values(const PageFrame& frame,
                           const LinkSession& session,
                           Details details,
                           WallTime now) {
    TemplateMap values = bare_outcome_values(frame, public_state(session.state));
    if (details == Details::hide) return values;
    add_details(values, session);
    if (!session.message.empty()) values["message"] = printable(session.message);
    if (session.state == LinkState::approved) {
        values["poll"] = "yes";
        add_clock(values, session, now);
    }
    return values;
}

TemplateMap bare_outcome_values(const PageFrame& frame, std::string_view state) {
    TemplateMap values = page_values(frame);
    values["state"] = state;
    values[std::string(state)] = "yes";
    return values;
}

TemplateMap no_grant_values(const PageFrame& frame,
                            const LinkSession& session,
                            const std::string& administrators,
                            WallTime now) {
    TemplateMap values = bare_outcome_values(frame, "no_grant");
    add_details(values, session);
    values["administrators"] = administrators;
    values["grant_command"] = grant_command(frame.user, session.requested);
    if (can_be_decided(session, now)) {
        values["poll"] = "yes";
        add_clock(values, session, now);
        values["time_left"] = minutes_and_seconds(session.left(now));
    }
    return values;
}

TemplateMap home_values(const PageFrame& frame,
                        std::span<const LinkSession> sessions,
                        const std::string& connect_command,
                        WallTime now) {
    TemplateList links;
    for (const LinkSession& session : sessions) {
        TemplateMap link;
        add_details(link, session);
        link["session_id"] = session.id;
        link["state"] = public_state(session.state);
        if (can_be_decided(session, now)) link["open"] = "yes";
        link["time"] = iso_time(session.created_at);
        link["time_text"] = readable_time(session.created_at);
        links.push_back(std::move(link));
    }
    TemplateMap values = page_values(frame);
    values["links"] = std::move(links);
    values["connect_command"] = connect_command;
    return values;
}

TemplateMap sign_in_values(const PageFrame& frame, const SignInForm& form) {
    TemplateMap values = page_values(frame);
    values["next"] = form.next;
    values["from_link"] = form.next.starts_with("/s/") ? "yes" : "";
    values["email"] = printable(form.email);
    values["error"] = form.error;
    values["throttled"] = form.throttled;
    values["notice"] = form.notice;
    return values;
}

TemplateMap error_values(const PageFrame& frame,
                         int status,
                         std::string heading,
                         std::string message) {
    TemplateMap values = page_values(frame);
    values["status"] = std::to_string(status);
    values["heading"] = std::move(heading);
    values["message"] = std::move(message);
    return values;
}

std::string state_json(const LinkSession& session, WallTime now) {
    return boost::json::serialize(boost::json::object{{"state", public_state(session.state)},
                                                      {"seconds_left", session.left(now).count()}});
}

}  // namespace sluice::auth
