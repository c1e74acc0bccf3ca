#include "backend/protocol/backend.hpp"

#include "backend/protocol/errc.hpp"
#include "backend/protocol/message_writer.hpp"
#include "common/base/byte_reader.hpp"

namespace sluice::pg {

namespace {

using Kind = AuthenticationRequest::Kind;

void encode_authentication(Bytes& out, Kind kind, ByteView data) {
    MessageWriter writer(out, 'R');
    writer.u32(static_cast<std::uint32_t>(kind));
    writer.bytes(data);
}

void encode_empty(Bytes& out, char tag) { MessageWriter writer(out, tag); }

}  // namespace

void encode_authentication_ok(Bytes& out) { encode_authentication(out, Kind::ok, {}); }

void encode_authentication_cleartext(Bytes& out) {
    encode_authentication(out, Kind::cleartext, {});
}

void encode_authentication_md5(Bytes& out, ByteView salt) {
    encode_authentication(out, Kind::md5, salt);
}

void encode_authentication_sasl(Bytes& out, std::span<const std::string_view> mechanisms) {
    MessageWriter writer(out, 'R');
    writer.u32(static_cast<std::uint32_t>(Kind::sasl));
    for (const std::string_view mechanism : mechanisms) writer.c_string(mechanism);
    writer.u8(0);
}

void encode_authentication_sasl_continue(Bytes& out, ByteView data) {
    encode_authentication(out, Kind::sasl_continue, data);
}

void encode_authentication_sasl_final(Bytes& out, ByteView data) {
    encode_authentication(out, Kind::sasl_final, data);
}

void encode_parameter_status(Bytes& out, std::string_view name, std::string_view value) {
    MessageWriter writer(out, 'S');
    writer.c_string(name);
    writer.c_string(value);
}

void encode_backend_key_data(Bytes& out, std::uint32_t pid, ByteView key) {
    MessageWriter writer(out, 'K');
    writer.u32(pid);
    writer.bytes(key);
}

// The field holds the whole version number, as the server and libpq have it; the documentation
// speaks of the minor version alone.
void encode_negotiate_protocol_version(Bytes& out, const Negotiation& negotiation) {
    MessageWriter writer(out, 'v');
    writer.u16(3);
    writer.u16(negotiation.minor);
    writer.u32(static_cast<std::uint32_t>(negotiation.unrecognized.size()));
    for (const std::string& option : negotiation.unrecognized) writer.c_string(option);
}

void encode_ready_for_query(Bytes& out, char status) {
    MessageWriter(out, 'Z').u8(static_cast<std::uint8_t>(status));
}

void encode_row_description(Bytes& out, std::span<const Column> columns) {
    MessageWriter writer(out, 'T');
    writer.u16(static_cast<std::uint16_t>(columns.size()));
    for (const Column& column : columns) {
        writer.c_string(column.name);
        writer.u32(0);  // no table
        writer.u16(0);  // no column of it
        writer.u32(column.type_oid);
        writer.i16(column.type_length);
        writer.i32(-1);  // no type modifier
        writer.u16(0);   // text format
    }
}

void encode_data_row(Bytes& out, std::span<const std::optional<std::string>> values) {
    MessageWriter writer(out, 'D');
    writer.u16(static_cast<std::uint16_t>(values.size()));
    for (const auto& value : values) {
        if (!value) {
            writer.i32(-1);
            continue;
        }
        writer.u32(static_cast<std::uint32_t>(value->size()));
        writer.text(*value);
    }
}

void encode_command_complete(Bytes& out, std::string_view tag) {
    MessageWriter(out, 'C').c_string(tag);
}

void encode_empty_query_response(Bytes& out) { encode_empty(out, 'I'); }

void encode_copy_both_response(Bytes& out) {
    MessageWriter writer(out, 'W');
    writer.u8(0);   // text
    writer.u16(0);  // no columns
}

void encode_copy_data(Bytes& out, ByteView data) { MessageWriter(out, 'd').bytes(data); }

void encode_copy_done(Bytes& out) { encode_empty(out, 'c'); }

Result<BackendKey> parse_backend_key_data(ByteView body) {
    ByteReader reader(body);
    BackendKey key;
    key.pid = reader.u32();
    const ByteView secret = reader.rest();
    if (!reader.ok() || secret.size() < cancel_key_bytes_min ||
        secret.size() > cancel_key_bytes_max) {
        return malformed_message("BackendKeyData");
    }
    key.key.assign(secret.begin(), secret.end());
    return key;
}

Result<AuthenticationRequest> parse_authentication(ByteView body) {
    ByteReader reader(body);
    AuthenticationRequest request;
    request.code = reader.u32();
    request.data = reader.rest();
    if (!reader.ok()) return malformed_message("authentication request");
    return request;
}

Result<std::vector<std::string_view>> parse_sasl_mechanisms(ByteView data) {
    ByteReader reader(data);
    std::vector<std::string_view> mechanisms;
    for (;;) {
        const std::string_view name = reader.c_string();
        if (name.empty()) break;
        mechanisms.push_back(name);
    }
    if (!reader.finished() || mechanisms.empty()) return malformed_message("AuthenticationSASL");
    return mechanisms;
}

Result<ParameterStatus> parse_parameter_status(ByteView body) {
    ByteReader reader(body);
    ParameterStatus status;
    status.name = reader.c_string();
    status.value = reader.c_string();
    if (!reader.finished()) return malformed_message("ParameterStatus");
    return status;
}

Result<char> parse_ready_for_query(ByteView body) {
    if (body.size() != 1) return malformed_message("ReadyForQuery");
    return static_cast<char>(body[0]);
}

Result<Negotiation> parse_negotiate_protocol_version(ByteView body) {
    ByteReader reader(body);
    Negotiation negotiation;
    reader.u16();  // the major version, or zero from servers that send the minor one alone
    negotiation.minor = reader.u16();
    const std::uint32_t count = reader.u32();
    for (std::uint32_t i = 0; i < count && reader.ok(); ++i) {
        negotiation.unrecognized.emplace_back(reader.c_string());
    }
    if (!reader.finished()) return malformed_message("NegotiateProtocolVersion");
    return negotiation;
}

Result<std::vector<Column>> parse_row_description(ByteView body) {
    ByteReader reader(body);
    std::vector<Column> columns;
    const std::size_t count = reader.u16();
    for (std::size_t i = 0; i < count && reader.ok(); ++i) {
        Column& column = columns.emplace_back();
        column.name = reader.c_string();
        reader.bytes(6);  // table and column number
        column.type_oid = reader.u32();
        column.type_length = reader.i16();
        reader.bytes(6);  // type modifier and format
    }
    if (!reader.finished()) return malformed_message("RowDescription");
    return columns;
}

Result<std::vector<std::optional<std::string_view>>> parse_data_row(ByteView body) {
    ByteReader reader(body);
    std::vector<std::optional<std::string_view>> values;
    const std::size_t count = reader.u16();
    for (std::size_t i = 0; i < count && reader.ok(); ++i) {
        const std::uint32_t length = reader.u32();
        if (length == 0xFFFFFFFFU) {
            values.emplace_back();
        } else {
            values.emplace_back(as_text(reader.bytes(length)));
        }
    }
    if (!reader.finished()) return malformed_message("DataRow");
    return values;
}

Result<std::string_view> parse_command_complete(ByteView body) {
    ByteReader reader(body);
    const std::string_view tag = reader.c_string();
    if (!reader.finished()) return malformed_message("CommandComplete");
    return tag;
}

}  // namespace sluice::pg
