#pragma once

#include "common/base/error.hpp"

#include <boost/system/error_code.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace sluice::pg {

// What is wrong with bytes that a peer sent.
enum class Errc {
    invalid_startup_length = 1,  // a startup packet below 8 or above startup_bytes_max bytes
    invalid_startup_layout,      // its parameters are not NUL-terminated pairs of UTF-8
    invalid_cancel_length,       // a cancel key that is not 4 to 256 bytes
    unsupported_protocol,        // another major version, or an unknown request code
    missing_user,                // a startup packet without user name
    insecure_connection,         // a plain startup packet where TLS is required
    tls_unavailable,             // direct TLS at a listener without certificate
    data_before_tls,             // bytes behind an SSLRequest or GSSENCRequest
    invalid_message_length,      // a message length below 4 or above the limit
    invalid_message,             // a message whose fields do not fit its length
    unexpected_message,          // a message that has no place here
};

boost::system::error_code make_error_code(Errc code);

// The Errc behind a code; nullopt for codes of other categories.
std::optional<Errc> find_errc(const boost::system::error_code& code);

// True for bytes that no correct client sends; false for what is merely refused (another version,
// no TLS, no user) and for every code that is not an Errc.
bool is_violation(const boost::system::error_code& code);

// An error of kind client: the peer of a server broke the protocol.
Error protocol_error(Errc code, std::string detail);
// An invalid_message; its detail is "malformed " and the message's name.
Error malformed_message(std::string_view name);

}  // namespace sluice::pg

namespace boost::system {
template <>
struct is_error_code_enum<sluice::pg::Errc> : std::true_type {};
}  // namespace boost::system
