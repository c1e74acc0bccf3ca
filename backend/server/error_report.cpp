#include "backend/server/error_report.hpp"

#include <utility>

namespace sluice::pg {

namespace {

using log::Level;
using Cause = ConnectionError::Cause;

// Failures of the operating system, in contrast to those of TLS, which have another code or none.
bool is_system(const boost::system::error_code& code) {
    return code && (code.category() == boost::system::system_category() ||
                    code.category() == boost::system::generic_category());
}

ErrorReport ending(Level level, std::string_view sentence, const Error& error) {
    ErrorReport result;
    result.level = level;
    result.sentence = sentence;
    result.reason = error.message();
    result.ends_session = true;
    return result;
}

ErrorReport lost(const Error& error) { return ending(Level::info, "connection lost", error); }

std::optional<ErrorFields> timeout_fields(Stage stage) {
    if (stage == Stage::login) {
        return ErrorFields::fatal(sqlstate::query_canceled,
                                  "canceling authentication due to timeout");
    }
    if (stage == Stage::idle) {
        return ErrorFields::fatal(sqlstate::idle_session_timeout,
                                  "terminating connection due to idle-session timeout");
    }
    return std::nullopt;
}

ErrorReport report_timeout(const Error& error, Stage stage) {
    ErrorReport result = lost(error);
    result.tell = timeout_fields(stage);
    return result;
}

// A client that does not get through a TLS handshake is nobody's failure here.
ErrorReport report_socket(const Error& error, Stage stage) {
    if (stage == Stage::handshake && !is_system(error.code)) return lost(error);
    return ending(Level::error, "connection failed", error);
}

ErrorReport report_protocol(const Error& error) {
    ErrorReport result =
        is_violation(error.code) ? ending(Level::error, "protocol violation", error) : lost(error);
    if (const auto violation = find_protocol_error(error)) result.tell = fields_of(*violation);
    return result;
}

ErrorReport report_shutdown() {
    const QueryError shutdown = QueryError::shutdown();
    ErrorReport result;
    result.sentence = "session ended by shutdown";
    result.tell = shutdown.fields();
    result.ends_session = true;
    return result;
}

ErrorFields end_of_stream(const CopyStreamEnd& end) {
    return ErrorFields::error(sqlstate::successful_completion, end.reason());
}

ErrorReport copy_ended(const CopyStreamEnd& end, std::string reason) {
    ErrorReport result;
    result.sentence = "copy stream ended";
    result.reason = std::move(reason);
    result.end = to_string(end.kind());
    result.ends_session = true;
    return result;
}

// Neon leaves COPY mode in no case.
ErrorReport report_orderly(const CopyStreamEnd& end, CopyEnding ending) {
    ErrorReport result = copy_ended(end, end.reason());
    result.ends_session = ending == CopyEnding::neon;
    return result;
}

ErrorReport report_server_end(const CopyStreamEnd& end, CopyEnding ending) {
    ErrorReport result = report_orderly(end, ending);
    if (ending == CopyEnding::neon) {
        result.tell = end_of_stream(end);
    } else {
        result.answer = CopyAnswer::copy_done_and_command_complete;
    }
    return result;
}

ErrorReport report_copy_done(const CopyStreamEnd& end, CopyEnding ending) {
    ErrorReport result = report_orderly(end, ending);
    result.answer = ending == CopyEnding::neon ? CopyAnswer::copy_done
                                               : CopyAnswer::copy_done_and_command_complete;
    return result;
}

ErrorReport report_copy_fail(const CopyStreamEnd& end, CopyEnding ending) {
    ErrorReport result = report_orderly(end, ending);
    result.reason = "received CopyFail: " + end.reason();
    result.tell = end_of_stream(end);
    return result;
}

// Neon's receivers get no last word about a connection that broke.
ErrorReport report_disconnected(const CopyStreamEnd& end, CopyEnding ending) {
    ErrorReport result = report(*end.connection(), Stage::busy);
    if (result.level == Level::info) result.sentence = "copy stream ended";
    result.end = to_string(end.kind());
    if (ending == CopyEnding::neon) result.tell.reset();
    return result;
}

// Neon's receivers look at the text only, and are told the whole cause.
ErrorReport report_failed(const CopyStreamEnd& end, CopyEnding ending) {
    ErrorReport result = report(*end.query());
    if (result.level == Level::info) result.sentence = "copy stream ended";
    result.end = to_string(end.kind());
    if (ending == CopyEnding::neon) {
        result.tell = ErrorFields::error(sqlstate::internal_error, end.reason());
        result.ends_session = true;
    }
    return result;
}

ErrorReport report_cancelled(const CopyStreamEnd& end) {
    ErrorReport result = copy_ended(end, end.reason());
    result.tell = report_shutdown().tell;
    return result;
}

}  // namespace

ErrorReport report(const ConnectionError& error, Stage stage) {
    if (stage == Stage::probe && error.expected()) {
        ErrorReport result;
        result.level = Level::debug;
        result.sentence = "connection closed without a request";
        result.ends_session = true;
        return result;
    }
    switch (error.cause()) {
    case Cause::closed:
    case Cause::lost: return lost(error.error());
    case Cause::timed_out: return report_timeout(error.error(), stage);
    case Cause::cancelled: return report_shutdown();
    case Cause::socket: return report_socket(error.error(), stage);
    case Cause::protocol: return report_protocol(error.error());
    }
    return lost(error.error());
}

ErrorReport report_refused_login(ErrorFields fields) {
    ErrorReport result;
    result.sentence = "login refused";
    result.reason = fields.message;
    fields.severity = "FATAL";
    result.tell = std::move(fields);
    result.ends_session = true;
    return result;
}

ErrorReport report_unchecked_login(std::string cause, std::string message) {
    ErrorReport result;
    result.level = Level::error;
    result.sentence = "login could not be checked";
    result.reason = std::move(cause);
    result.tell = ErrorFields::fatal(sqlstate::internal_error, std::move(message));
    result.ends_session = true;
    return result;
}

ErrorReport report(const QueryError& error) {
    ErrorReport result;
    result.reason = error.cause();
    result.tell = error.fields();
    switch (error.kind()) {
    case QueryError::Kind::refused: result.sentence = "query refused"; return result;
    case QueryError::Kind::internal:
        result.level = Level::error;
        result.sentence = "query handler failed";
        return result;
    case QueryError::Kind::disconnected: return report(*error.connection(), Stage::busy);
    case QueryError::Kind::shutdown: return report_shutdown();
    }
    return result;
}

ErrorReport report(const CopyStreamEnd& end, CopyEnding ending) {
    switch (end.kind()) {
    case CopyStreamEnd::Kind::server_initiated: return report_server_end(end, ending);
    case CopyStreamEnd::Kind::copy_done: return report_copy_done(end, ending);
    case CopyStreamEnd::Kind::copy_fail: return report_copy_fail(end, ending);
    case CopyStreamEnd::Kind::terminate:
    case CopyStreamEnd::Kind::eof: return copy_ended(end, end.reason());
    case CopyStreamEnd::Kind::disconnected: return report_disconnected(end, ending);
    case CopyStreamEnd::Kind::cancelled: return report_cancelled(end);
    case CopyStreamEnd::Kind::failed: return report_failed(end, ending);
    }
    return copy_ended(end, end.reason());
}

void write(const log::Log& log, const ErrorReport& report) {
    log::Log line = log;
    if (!report.end.empty()) line = line.with("end", report.end);
    if (report.tell) line = line.with("sqlstate", report.tell->code);
    if (!report.reason.empty()) line = line.with("reason", report.reason);
    line.write(report.level, report.sentence, {});
}

}  // namespace sluice::pg
