#pragma once

#include <boost/system/error_code.hpp>

#include <string>
#include <string_view>

namespace sluice {

// Who or what is the cause of a failure. Also the value of the `kind` metric label.
enum class ErrorKind {
    client,             // what the client sent or asked for
    client_disconnect,  // the client went away: never an error in the log
    limit,              // a configured bound was reached
    control_plane,      // the auth service failed or cannot be reached
    compute,            // the PostgreSQL server behind us failed or cannot be reached
    storage,            // disk or object storage
    peer,               // another sluice process
    internal,           // a bug
};

std::string_view to_string(ErrorKind kind);

// Why something failed, as a value.
//   code:   machine-readable cause; may be empty (no error_code fits)
//   detail: for our log; may hold text from outside, which the log escapes. No client sees it, but
//           for violations of the PostgreSQL protocol (pg::ProtocolError), whose details are texts
//           of ours and tell the peer what it did wrong
struct Error {
    boost::system::error_code code;
    ErrorKind kind = ErrorKind::internal;
    std::string detail;

    Error() = default;
    Error(ErrorKind error_kind, std::string error_detail, boost::system::error_code error_code = {})
        : code(error_code), kind(error_kind), detail(std::move(error_detail)) {}

    // Puts "context: " before the detail. At most once a layer.
    Error with(std::string_view context) &&;
    // The same error with another cause class.
    Error as(ErrorKind other) &&;
    // "detail: text of code", whatever of both is there.
    std::string message() const;
};

// True for the ways in which a peer ordinarily goes away: EOF, refused, aborted, reset, timed out,
// broken pipe, host or network unreachable, and our own cancellation. Logged at INFO or below.
bool is_disconnect(const boost::system::error_code& code);
bool is_timeout(const boost::system::error_code& code);

// The end of the stream as an error code (for readers that cannot return "0 bytes").
boost::system::error_code eof_error();
boost::system::error_code timed_out_error();

}  // namespace sluice
