#pragma once

#include "common/base/bytes.hpp"
#include "common/base/result.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::pg {

// SQLSTATEs that sluice itself reports (PostgreSQL documentation, appendix A).
namespace sqlstate {
inline constexpr std::string_view successful_completion = "00000";
inline constexpr std::string_view unable_to_connect = "08001";
inline constexpr std::string_view connection_rejected = "08004";
inline constexpr std::string_view connection_failure = "08006";
inline constexpr std::string_view protocol_violation = "08P01";
inline constexpr std::string_view feature_not_supported = "0A000";
inline constexpr std::string_view invalid_statement_name = "26000";
inline constexpr std::string_view invalid_authorization = "28000";
inline constexpr std::string_view invalid_password = "28P01";
inline constexpr std::string_view invalid_cursor_name = "34000";
inline constexpr std::string_view duplicate_prepared_statement = "42P05";
inline constexpr std::string_view out_of_memory = "53200";
inline constexpr std::string_view too_many_connections = "53300";
inline constexpr std::string_view query_canceled = "57014";
inline constexpr std::string_view admin_shutdown = "57P01";
inline constexpr std::string_view cannot_connect_now = "57P03";
inline constexpr std::string_view idle_session_timeout = "57P05";
inline constexpr std::string_view internal_error = "XX000";
}  // namespace sqlstate

// What an ErrorResponse or NoticeResponse says. On input every field may be absent.
struct ErrorFields {
    std::string severity = "ERROR";  // S and V
    std::string code{sqlstate::internal_error};
    std::string message;
    std::string detail;
    std::string hint;
    // All other fields by their letter, in the order sent, so that a relayed error is complete:
    // P position, p internal position, q internal query, W where, s schema, t table, c column,
    // d data type, n constraint, F file, L line, R routine, and what newer servers may add.
    std::vector<std::pair<char, std::string>> others;

    static ErrorFields fatal(std::string_view code, std::string message);
    static ErrorFields error(std::string_view code, std::string message);
    static ErrorFields notice(std::string message);
};

// How many `others` are kept; PostgreSQL has 12.
inline constexpr std::size_t other_error_fields_max = 32;

// From the body of an E or N message.
Result<ErrorFields> parse_error_fields(ByteView body);

// These are never refused: an error must get out. A text ends at a NUL inside it.
void encode_error_response(Bytes& out, const ErrorFields& fields);
void encode_notice_response(Bytes& out, const ErrorFields& fields);

}  // namespace sluice::pg
