#pragma once

#include "backend/protocol/error_fields.hpp"
#include "backend/protocol/frame.hpp"
#include "common/base/bytes.hpp"
#include "common/base/result.hpp"

#include <optional>
#include <string>

namespace sluice::pg {

// Why a server did not let us in, or refused a query.
struct ClientError {
    Error error;  // kind compute; limit for what is too large; internal for a use that is wrong
    // The server's own words when it sent an ErrorResponse.
    std::optional<ErrorFields> server;
    Bytes response;  // that ErrorResponse as it came, for relaying
    // A login: no other host of the same connection string would say anything else.
    bool conclusive = false;
};
template <class T>
using ClientResult = Expected<T, ClientError>;

// An error of the server's side, kind compute, without words from the server.
ClientError client_error(Error error);
ClientError client_error(std::string detail);
// The client was used in a way that it does not allow, kind internal: nothing was sent.
ClientError client_misuse(std::string detail);
// From an ErrorResponse.
ClientError client_error(const Frame& error_response);
// The server ended the connection.
ClientError closed_by_server();

}  // namespace sluice::pg
