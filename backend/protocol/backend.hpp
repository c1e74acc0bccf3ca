#pragma once

#include "backend/protocol/startup.hpp"
#include "common/base/bytes.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::pg {

// Messages from a server to a client, appended to `out`.
// Source: PostgreSQL documentation, "Message Formats".

void encode_authentication_ok(Bytes& out);
void encode_authentication_cleartext(Bytes& out);
void encode_authentication_md5(Bytes& out, ByteView salt);
void encode_authentication_sasl(Bytes& out, std::span<const std::string_view> mechanisms);
void encode_authentication_sasl_continue(Bytes& out, ByteView data);
void encode_authentication_sasl_final(Bytes& out, ByteView data);
void encode_parameter_status(Bytes& out, std::string_view name, std::string_view value);
void encode_backend_key_data(Bytes& out, std::uint32_t pid, ByteView key);
void encode_negotiate_protocol_version(Bytes& out, const Negotiation& negotiation);
void encode_ready_for_query(Bytes& out, char status);

struct Column {
    std::string name;
    std::uint32_t type_oid = 25;  // text
    std::int16_t type_length = -1;
};
void encode_row_description(Bytes& out, std::span<const Column> columns);
void encode_data_row(Bytes& out, std::span<const std::optional<std::string>> values);
void encode_command_complete(Bytes& out, std::string_view tag);
void encode_empty_query_response(Bytes& out);
void encode_copy_both_response(Bytes& out);
void encode_copy_data(Bytes& out, ByteView data);
void encode_copy_done(Bytes& out);

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
        cleartext = 3,
        md5 = 5,
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
Result<char> parse_ready_for_query(ByteView body);
Result<Negotiation> parse_negotiate_protocol_version(ByteView body);
Result<std::vector<Column>> parse_row_description(ByteView body);
Result<std::vector<std::optional<std::string_view>>> parse_data_row(ByteView body);
Result<std::string_view> parse_command_complete(ByteView body);

}  // namespace sluice::pg
