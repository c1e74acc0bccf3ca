#pragma once

#include "backend/protocol/errc.hpp"
#include "backend/protocol/error_fields.hpp"
#include "common/base/result.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace sluice::pg {

// Why connections, queries and COPY streams fail, as values. What each of them means for the log
// and for the peer is one table: docs/backend.md, as code in backend/server/error_report.hpp.

// What a peer sent that it must not send.
struct ProtocolError {
    Errc code = Errc::unexpected_message;
    std::string detail;
};
// nullopt when the error's code is no Errc.
std::optional<ProtocolError> find_protocol_error(const Error& error);
// What the peer is told about it (FATAL); nullopt: it is closed without a word.
std::optional<ErrorFields> fields_of(const ProtocolError& error);

// Why a connection cannot go on; never the fault of one query.
class ConnectionError {
public:
    enum class Cause {
        closed,     // the end of the stream, between two messages or inside one
        lost,       // refused, aborted, reset, broken pipe, host or network unreachable
        timed_out,  // a deadline of ours, or TCP's own
        cancelled,  // we were told to stop
        socket,     // any other failure of socket or TLS: nobody expects it
        protocol,   // find_protocol_error() tells what
    };
    // The cause follows from error.code.
    explicit ConnectionError(Error error);

    Cause cause() const { return cause_; }
    const Error& error() const { return error_; }
    // The ways in which a connection ordinarily ends.
    bool expected() const { return cause_ != Cause::socket && cause_ != Cause::protocol; }

private:
    Error error_;
    Cause cause_;
};

// Why one query failed, or took the session with it.
class QueryError {
public:
    enum class Kind {
        refused,       // an answer like any other, the fault of whoever asked
        internal,      // our fault
        disconnected,  // the connection to the peer failed
        shutdown,      // we were told to stop
    };
    // Refused with these fields.
    explicit QueryError(ErrorFields fields);
    // XX000; `cause` is for the log, `message` for the peer.
    static QueryError internal(std::string cause, std::string message = "internal error");
    static QueryError disconnected(ConnectionError error);
    static QueryError shutdown();

    Kind kind() const { return kind_; }
    // The ErrorResponse.
    const ErrorFields& fields() const { return fields_; }
    // For the log.
    const std::string& cause() const { return cause_; }
    // There when kind() is disconnected.
    const std::optional<ConnectionError>& connection() const { return connection_; }
    bool ends_session() const { return kind_ == Kind::disconnected || kind_ == Kind::shutdown; }

private:
    QueryError(Kind kind, ErrorFields fields, std::string cause);

    Kind kind_;
    ErrorFields fields_;
    std::string cause_;
    std::optional<ConnectionError> connection_;
};

using QueryOutcome = Expected<void, QueryError>;

// How a COPY stream ended: one value a stream, one line in the log, one answer to the peer.
class CopyStreamEnd {
public:
    enum class Kind {
        server_initiated,  // our side has nothing more to send
        copy_done,         // the peer has nothing more to send
        copy_fail,         // the peer gave up, and said why
        terminate,         // the peer ends the session
        eof,               // the peer closed the connection
        disconnected,      // the connection failed, or the peer broke the protocol
        cancelled,         // we were told to stop
        failed,            // our side failed
    };
    static CopyStreamEnd server_initiated(std::string reason);
    static CopyStreamEnd copy_done();
    static CopyStreamEnd copy_fail(std::string text);
    static CopyStreamEnd terminate();
    static CopyStreamEnd eof();
    // Of the causes `cancelled` and `closed` it makes ends of those kinds.
    static CopyStreamEnd disconnected(ConnectionError error);
    static CopyStreamEnd cancelled();
    static CopyStreamEnd failed(QueryError error);

    Kind kind() const { return kind_; }
    // For the log; of server_initiated, copy_fail and failed also for the peer.
    const std::string& reason() const { return reason_; }
    // There when kind() is disconnected.
    const std::optional<ConnectionError>& connection() const { return connection_; }
    // There when kind() is failed.
    const std::optional<QueryError>& query() const { return query_; }

private:
    CopyStreamEnd(Kind kind, std::string reason) : kind_(kind), reason_(std::move(reason)) {}

    Kind kind_;
    std::string reason_;
    std::optional<ConnectionError> connection_;
    std::optional<QueryError> query_;
};

// The value of the log's field `end`.
std::string_view to_string(CopyStreamEnd::Kind kind);

}  // namespace sluice::pg
