#include "backend/protocol/errors.hpp"

#include <utility>

namespace sluice::pg {

namespace {

using Cause = ConnectionError::Cause;

Cause cause_of(const boost::system::error_code& code) {
    if (find_errc(code)) return Cause::protocol;
    if (code == eof_error()) return Cause::closed;
    if (is_timeout(code)) return Cause::timed_out;
    if (code == boost::system::errc::operation_canceled) return Cause::cancelled;
    if (is_disconnect(code)) return Cause::lost;
    return Cause::socket;
}

ErrorFields shutdown_fields() {
    return ErrorFields::fatal(sqlstate::admin_shutdown,
                              "terminating connection due to administrator command");
}

}  // namespace

std::optional<ProtocolError> find_protocol_error(const Error& error) {
    const auto code = find_errc(error.code);
    if (!code) return std::nullopt;
    return ProtocolError{*code, error.detail};
}

// Details of startup packets are texts of PostgreSQL; of other messages they are for our log.
std::optional<ErrorFields> fields_of(const ProtocolError& error) {
    switch (error.code) {
    case Errc::invalid_startup_length:
    case Errc::invalid_startup_layout:
    case Errc::invalid_cancel_length:
    case Errc::unexpected_message:
        return ErrorFields::fatal(sqlstate::protocol_violation, error.detail);
    case Errc::invalid_message_length:
    case Errc::invalid_message:
        return ErrorFields::fatal(sqlstate::protocol_violation,
                                  make_error_code(error.code).message());
    case Errc::unsupported_protocol:
        return ErrorFields::fatal(sqlstate::feature_not_supported, error.detail);
    case Errc::missing_user:
    case Errc::insecure_connection:
        return ErrorFields::fatal(sqlstate::invalid_authorization, error.detail);
    case Errc::tls_unavailable:
    case Errc::data_before_tls: return std::nullopt;
    }
    return std::nullopt;
}

ConnectionError::ConnectionError(Error error)
    : error_(std::move(error)), cause_(cause_of(error_.code)) {}

QueryError::QueryError(Kind kind, ErrorFields fields, std::string cause)
    : kind_(kind), fields_(std::move(fields)), cause_(std::move(cause)) {}

QueryError::QueryError(ErrorFields fields)
    : kind_(Kind::refused), fields_(std::move(fields)), cause_(fields_.message) {}

QueryError QueryError::internal(std::string cause, std::string message) {
    return {Kind::internal,
            ErrorFields::error(sqlstate::internal_error, std::move(message)),
            std::move(cause)};
}

QueryError QueryError::disconnected(ConnectionError error) {
    QueryError result(Kind::disconnected,
                      ErrorFields::fatal(sqlstate::connection_failure, "connection failed"),
                      error.error().message());
    result.connection_ = std::move(error);
    return result;
}

QueryError QueryError::shutdown() { return {Kind::shutdown, shutdown_fields(), "shutting down"}; }

CopyStreamEnd CopyStreamEnd::server_initiated(std::string reason) {
    return {Kind::server_initiated, std::move(reason)};
}

CopyStreamEnd CopyStreamEnd::copy_done() { return {Kind::copy_done, "received CopyDone"}; }

CopyStreamEnd CopyStreamEnd::copy_fail(std::string text) {
    return {Kind::copy_fail, std::move(text)};
}

CopyStreamEnd CopyStreamEnd::terminate() { return {Kind::terminate, "received Terminate"}; }

CopyStreamEnd CopyStreamEnd::eof() { return {Kind::eof, "EOF on COPY stream"}; }

CopyStreamEnd CopyStreamEnd::cancelled() { return {Kind::cancelled, "shutting down"}; }

CopyStreamEnd CopyStreamEnd::disconnected(ConnectionError error) {
    if (error.cause() == Cause::cancelled) return cancelled();
    if (error.cause() == Cause::closed) return eof();
    CopyStreamEnd end(Kind::disconnected, error.error().message());
    end.connection_ = std::move(error);
    return end;
}

CopyStreamEnd CopyStreamEnd::failed(QueryError error) {
    CopyStreamEnd end(Kind::failed, error.cause());
    end.query_ = std::move(error);
    return end;
}

std::string_view to_string(CopyStreamEnd::Kind kind) {
    switch (kind) {
    case CopyStreamEnd::Kind::server_initiated: return "server_initiated";
    case CopyStreamEnd::Kind::copy_done: return "copy_done";
    case CopyStreamEnd::Kind::copy_fail: return "copy_fail";
    case CopyStreamEnd::Kind::terminate: return "terminate";
    case CopyStreamEnd::Kind::eof: return "eof";
    case CopyStreamEnd::Kind::disconnected: return "disconnected";
    case CopyStreamEnd::Kind::cancelled: return "cancelled";
    case CopyStreamEnd::Kind::failed: return "failed";
    }
    return "failed";
}

}  // namespace sluice::pg
