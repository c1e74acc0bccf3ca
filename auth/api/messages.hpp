#pragma once

#include "common/base/result.hpp"
#include "common/base/secret.hpp"

#include <boost/json/fwd.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

// The JSON that sluice-proxy and sluice-auth exchange. Unknown members are ignored on input, so
// either side may be newer. Parse errors have kind client and name the member:
// "result.Success.port: required".
namespace sluice::auth {

// What a client that connected to the proxy asks for.
struct RequestedAccess {
    std::string role;
    std::string database;  // empty: named like the role
    std::string target;    // empty: the only target that sluice-auth knows
};
boost::json::object json_object(const RequestedAccess& requested);

// Who is connected to the proxy. The texts come from the client: escape before showing.
struct ClientInfo {
    std::string address;
    std::uint16_t port = 0;
    std::string application_name;
    std::string tls;  // "TLSv1.3"; empty = not encrypted
};
boost::json::object json_object(const ClientInfo& client);

// Body of POST /v1/link/sessions.
struct LinkRegistration {
    std::string session_id;
    std::string phrase;
    std::string instance;  // the proxy's name in the configuration of sluice-auth
    std::chrono::seconds ttl{0};
    RequestedAccess requested;
    ClientInfo client;
};
std::string encode(const LinkRegistration& registration);
Result<LinkRegistration> parse_link_registration(std::string_view json);

// Answer of POST /v1/link/sessions.
struct LinkRegistered {
    std::string session_id;
    std::string expires_at;  // ISO 8601, UTC
};
std::string encode(const LinkRegistered& registered);
Result<LinkRegistered> parse_link_registered(std::string_view json);

// Body of POST /v1/link/sessions/{id}/connected.
std::string encode_connected(std::int64_t backend_pid);
Result<std::int64_t> parse_connected(std::string_view json);

// {"error":{"code":"grant_missing","message":"..."}}
struct ApiError {
    std::string code;
    std::string message;
};
std::string encode(const ApiError& error);
// Empty members when the body is something else (a proxy's error page, say).
ApiError parse_api_error(std::string_view body);

// Where the approved client goes, with what is needed to get in there.
struct LinkSuccess {
    std::string host;
    std::uint16_t port = 0;
    std::string dbname;
    std::string user;
    std::optional<Secret> password;

    // Labels of the compute (Neon's `aux`); all may be empty.
    struct Aux {
        std::string endpoint_id;
        std::string project_id;
        std::string branch_id;
        std::string compute_id;
    } aux;
    std::optional<std::vector<std::string>> allowed_ips;  // absent or empty: everybody
    std::optional<bool> public_access_allowed;

    // Members that Neon's console does not send.
    std::string tls;       // disable | prefer | require | verify-ca | verify-full; empty: absent
    std::string approver;  // who approved, for the client to read; empty: unknown
    std::string target;    // name of the target; empty: unknown
    std::string session;   // reference for the audit; empty: absent
};

struct LinkFailure {
    std::string text;  // for the client to read
    // True for the text that a denial in the browser carries ("denied by <e-mail>").
    bool denied() const { return text.starts_with("denied by "); }
};

// The text of the simple query that tells a proxy how a link session ended.
struct Notification {
    std::string session_id;
    std::variant<LinkSuccess, LinkFailure> result;
};
// Holds the password in clear: never log it.
std::string encode(const Notification& notification);
Result<Notification> parse_notification(std::string_view json);

}  // namespace sluice::auth
