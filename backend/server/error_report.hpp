#pragma once

#include "backend/protocol/errors.hpp"
#include "common/observability/log.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace sluice::pg {

// How the answer to the end of a COPY stream begins.
enum class CopyAnswer { none, copy_done, copy_done_and_command_complete };

// The table of docs/backend.md as code: what the log and the peer learn of an error.
struct ErrorReport {
    log::Level level = log::Level::info;
    std::string_view sentence;        // fixed, so that it can be searched for
    std::string reason;               // field `reason`, none when empty
    std::optional<ErrorFields> tell;  // the ErrorResponse; none: there is none
    bool ends_session = false;
    // Of COPY streams only.
    std::string_view end;  // field `end`
    CopyAnswer answer = CopyAnswer::none;
};

// Where in the life of a connection it failed.
enum class Stage {
    probe,      // nothing was received before the peer went away
    handshake,  // server_handshake(), which has told the peer already
    login,      // up to AuthenticationOk
    idle,       // between two queries
    busy,       // within an answer
};
ErrorReport report(const ConnectionError& error, Stage stage);

// A handler or the authentication says no.
ErrorReport report_refused_login(ErrorFields fields);
// Whether to let the client in could not be found out, by a fault of ours: XX000; `cause` is for the
// log, `message` for the peer.
ErrorReport report_unchecked_login(std::string cause, std::string message = "internal error");

ErrorReport report(const QueryError& error);

// How an orderly end of a COPY stream is said. `stock` is what PostgreSQL's own clients expect;
// `neon` is what Neon's do, which take an ErrorResponse for an end and never leave COPY mode.
enum class CopyEnding { stock, neon };
ErrorReport report(const CopyStreamEnd& end, CopyEnding ending);

void write(const log::Log& log, const ErrorReport& report);

}  // namespace sluice::pg
