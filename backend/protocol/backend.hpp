#pragma once

#include "backend/protocol/copy_messages.hpp"
#include "backend/protocol/errc.hpp"
#include "backend/protocol/message_lists.hpp"
#include "backend/protocol/startup.hpp"
#include "common/base/assert.hpp"
#include "common/base/bytes.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::pg {

// Messages from a server to a client, appended to `out`.
//   false:  what came from outside does not fit into the message: a text that holds a NUL, more
//           than 65,535 columns or values, more than message_bytes_limit bytes; nothing is appended
//   source: PostgreSQL documentation, "Message Formats"

void encode_authentication_ok(Bytes& out);
void encode_authentication_cleartext(Bytes& out);
void encode_authentication_md5(Bytes& out, ByteView salt);
[[nodiscard]] bool encode_authentication_sasl(Bytes& out,
                                              std::span<const std::string_view> mechanisms);
void encode_authentication_sasl_continue(Bytes& out, ByteView data);
void encode_authentication_sasl_final(Bytes& out, ByteView data);
[[nodiscard]] bool encode_parameter_status(Bytes& out,
                                           std::string_view name,
                                           std::string_view value);
// Also false when the key has not 4 to 256 bytes.
[[nodiscard]] bool encode_backend_key_data(Bytes& out, std::uint32_t pid, ByteView key);
void encode_negotiate_protocol_version(Bytes& out, const Negotiation& negotiation);
void encode_ready_for_query(Bytes& out, char status);

// Types (pg_type.oid) of the columns that sluice itself produces.
inline constexpr std::uint32_t int8_oid = 20;
inline constexpr std::uint32_t int4_oid = 23;
inline constexpr std::uint32_t text_oid = 25;

// A column as ColumnView has it, with a name of its own. By default one of text that is no
// table's.
struct Column {
    std::string name;
    std::uint32_t type_oid = text_oid;
    std::int16_t type_length = -1;
    std::int32_t type_modifier = -1;
    std::uint32_t table_oid = 0;
    std::int16_t table_column = 0;
    std::uint16_t format = 0;
};
[[nodiscard]] bool encode_row_description(Bytes& out, std::span<const Column> columns);
[[nodiscard]] bool encode_data_row(Bytes& out, std::span<const std::optional<std::string>> values);
[[nodiscard]] bool encode_data_row(Bytes& out,
                                   std::span<const std::optional<std::string_view>> values);
[[nodiscard]] bool encode_command_complete(Bytes& out, std::string_view tag);
// For texts of our own, which are not refused.
template <std::size_t NameSize, std::size_t ValueSize>
void encode_parameter_status(Bytes& out,
                             const char (&name)[NameSize],
                             const char (&value)[ValueSize]) {
    SLUICE_ASSERT(encode_parameter_status(out, std::string_view(name), std::string_view(value)));
}
template <std::size_t Size>
void encode_command_complete(Bytes& out, const char (&tag)[Size]) {
    SLUICE_ASSERT(encode_command_complete(out, std::string_view(tag)));
}
void encode_empty_query_response(Bytes& out);
// The answers of the extended protocol that have no content.
void encode_parse_complete(Bytes& out);
void encode_bind_complete(Bytes& out);
void encode_close_complete(Bytes& out);
void encode_no_data(Bytes& out);
void encode_portal_suspended(Bytes& out);
// The result of a function; nullopt is NULL.
void encode_function_call_response(Bytes& out, std::optional<ByteView> value);
// The beginning of COPY, without columns: what a client sends is taken as binary, what it gets is
// announced as text.
void encode_copy_in_response(Bytes& out);
void encode_copy_out_response(Bytes& out);
void encode_copy_both_response(Bytes& out);

// The types of a statement's parameters, 65,535 at most.
void encode_parameter_description(Bytes& out, std::span<const std::uint32_t> types);

// NotificationResponse, the message behind NOTIFY.
struct Notification {
    std::uint32_t pid = 0;
    std::string_view channel;
    std::string_view payload;
};
[[nodiscard]] bool encode_notification(Bytes& out, const Notification& notification);

// BackendKeyData: pid and a key of 4 to 256 bytes.
struct BackendKey {
    std::uint32_t pid = 0;
    Bytes key;
};
Result<BackendKey> parse_backend_key_data(ByteView body);

// What a client reads. Views and spans point into `body`.

// An R message: its code and what follows it (salt, mechanisms, SASL data).
struct AuthenticationRequest {
    enum class Kind : std::uint32_t {
        ok = 0,
        kerberos_v5 = 2,
        cleartext = 3,
        md5 = 5,
        gss = 7,
        gss_continue = 8,
        sspi = 9,
        sasl = 10,
        sasl_continue = 11,
        sasl_final = 12,
    };
    std::uint32_t code = 0;
    ByteView data;
    bool is(Kind kind) const { return code == static_cast<std::uint32_t>(kind); }
};
Result<AuthenticationRequest> parse_authentication(ByteView body);
// The mechanism names of AuthenticationSASL, in the server's order.
Result<std::vector<std::string_view>> parse_sasl_mechanisms(ByteView data);

struct ParameterStatus {
    std::string_view name;
    std::string_view value;
};
Result<ParameterStatus> parse_parameter_status(ByteView body);
// I idle, T in a transaction, E in a failed one.
Result<char> parse_ready_for_query(ByteView body);
Result<Negotiation> parse_negotiate_protocol_version(ByteView body);
Result<std::string_view> parse_command_complete(ByteView body);

Result<ColumnList> view_row_description(ByteView body);
// The same, copied.
Result<std::vector<Column>> parse_row_description(ByteView body);

// The values of a DataRow. Inline and without allocation: a client may see tens of millions a
// second.
inline Result<ValueList> view_data_row(ByteView body) {
    ByteReader reader(body);
    const std::size_t count = reader.u16();
    const ValueList values(reader, count);
    if (!reader.finished()) return malformed_message("DataRow");
    return values;
}
// The same in a vector.
Result<std::vector<std::optional<std::string_view>>> parse_data_row(ByteView body);

// CopyInResponse, CopyOutResponse and CopyBothResponse.
struct CopyResponse {
    std::uint8_t format = 0;  // 0 text, 1 binary
    Int16List column_formats;
};
Result<CopyResponse> parse_copy_response(ByteView body);

Result<Notification> parse_notification(ByteView body);

// The types of a statement's parameters.
Result<OidList> parse_parameter_description(ByteView body);
// The result of a function; nullopt is NULL.
Result<std::optional<ByteView>> parse_function_call_response(ByteView body);

}  // namespace sluice::pg
