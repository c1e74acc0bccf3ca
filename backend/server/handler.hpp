#pragma once

#include "backend/protocol/backend.hpp"
#include "backend/protocol/errors.hpp"
#include "backend/protocol/startup.hpp"
#include "backend/server/server_authentication.hpp"
#include "common/net/asio.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::pg {

class PostgresBackend;

// What a service does with one connection. Methods run on the connection's thread, one at a time.
// It never sees the queries that PostgresBackend answers itself: empty ones and SessionCommands.
class Handler {
public:
    virtual ~Handler() = default;
    // Looks at the startup packet before authentication; an error refuses the connection.
    virtual std::optional<ErrorFields> startup(const StartupMessage& message) = 0;
    // What the client has to prove, for Authentication::password; an error refuses the connection,
    // as the default does. Without a stored password the role does not exist, which the client does
    // not learn. Cancelled when the login takes longer than login_timeout, or by
    // PostgresBackend::stop(); the connection stays until it ends.
    virtual net::Awaitable<Expected<PasswordCheck, ErrorFields>> check_auth(
        const StartupMessage& message);
    // Verifies the token of JWT authentication; an error refuses the connection. Refuses by default.
    virtual std::optional<ErrorFields> check_token(std::string_view token);
    // The columns of the rows that process_query() will give for this text, for Describe of the
    // extended protocol, which comes before the query runs; nullopt (the default): no rows.
    virtual std::optional<std::vector<Column>> describe(std::string_view query);
    // Answers one query by row_description(), rows and CommandComplete in backend.out().
    // ErrorResponse and ReadyForQuery are not the handler's: an error is a return value. After it
    // the session goes on unless the error ends it; what was encoded before is sent.
    virtual net::Awaitable<QueryOutcome> process_query(PostgresBackend& backend,
                                                       std::string query) = 0;
};

}  // namespace sluice::pg
