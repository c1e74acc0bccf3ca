#include "backend/protocol/backend.hpp"

#include "backend/protocol/errc.hpp"
#include "backend/protocol/message_writer.hpp"
#include "common/base/byte_reader.hpp"

#include <boost/endian/conversion.hpp>

#include <cstring>

namespace sluice::pg {

namespace {

using Kind = AuthenticationRequest::Kind;
using boost::endian::store_big_u16;
using boost::endian::store_big_u32;

constexpr std::uint32_t null = 0xFFFF'FFFF;  // the length of a NULL

void encode_authentication(Bytes& out, Kind kind, ByteView data) {
    MessageWriter writer(out, 'R');
    writer.u32(static_cast<std::uint32_t>(kind));
    writer.bytes(data);
}

void encode_empty(Bytes& out, char tag) { MessageWriter writer(out, tag); }

constexpr std::uint8_t text_format = 0;
constexpr std::uint8_t binary_format = 1;

void encode_copy_response(Bytes& out, char tag, std::uint8_t format) {
    MessageWriter writer(out, tag);
    writer.u8(format);
    writer.u16(0);  // no columns
}

// Copies at least as many bytes as a Block has and at most twice as many: two moves that overlap.
template <class Block>
void copy_ends(ByteSpan to, ByteView from) {
    Block first;
    Block last;
    const std::size_t behind = from.size() - sizeof(Block);
    std::memcpy(&first, from.data(), sizeof first);
    std::memcpy(&last, from.subspan(behind).data(), sizeof last);
    std::memcpy(to.data(), &first, sizeof first);
    std::memcpy(to.subspan(behind).data(), &last, sizeof last);
}

struct SixteenBytes {
    std::uint64_t low, high;
};

// Values are short, and calling memcpy costs more than their bytes do. `to` is as large as `from`.
void copy_value(ByteSpan to, ByteView from) {
    const std::size_t size = from.size();
    if (size > 2 * sizeof(SixteenBytes)) {
        std::memcpy(to.data(), from.data(), size);
    } else if (size >= sizeof(SixteenBytes)) {
        copy_ends<SixteenBytes>(to, from);
    } else if (size >= sizeof(std::uint64_t)) {
        copy_ends<std::uint64_t>(to, from);
    } else if (size >= sizeof(std::uint32_t)) {
        copy_ends<std::uint32_t>(to, from);
    } else {
        for (std::size_t i = 0; i < size; ++i) to[i] = from[i];
    }
}

// A server sends rows by the million, so this is not done by MessageWriter: the size is known
// before, and `out` grows once.
template <class Text>
bool encode_row(Bytes& out, std::span<const std::optional<Text>> values) {
    if (values.size() > message_count_max) return false;
    constexpr std::size_t length_size = 4;
    std::size_t length = length_size + 2 + length_size * values.size();
    for (const auto& value : values) length += value ? value->size() : 0;
    if (length > message_bytes_limit) return false;

    const std::size_t start = out.size();
    out.resize(start + 1 + length);
    const ByteSpan message = ByteSpan(out).subspan(start);
    message[0] = 'D';
    store_big_u32(&message[1], static_cast<std::uint32_t>(length));
    store_big_u16(&message[5], static_cast<std::uint16_t>(values.size()));
    std::size_t at = 7;
    for (const auto& value : values) {
        store_big_u32(&message[at], value ? static_cast<std::uint32_t>(value->size()) : null);
        at += length_size;
        if (!value || value->empty()) continue;
        copy_value(message.subspan(at, value->size()), as_bytes(*value));
        at += value->size();
    }
    return true;
}

// Whether nothing may follow this code.
bool stands_alone(Kind code) {
    return code == Kind::ok || code == Kind::kerberos_v5 || code == Kind::cleartext ||
           code == Kind::gss || code == Kind::sspi;
}

}  // namespace

void encode_authentication_ok(Bytes& out) { encode_authentication(out, Kind::ok, {}); }

void encode_authentication_cleartext(Bytes& out) {
    encode_authentication(out, Kind::cleartext, {});
}

void encode_authentication_md5(Bytes& out, ByteView salt) {
    encode_authentication(out, Kind::md5, salt);
}

bool encode_authentication_sasl(Bytes& out, std::span<const std::string_view> mechanisms) {
    MessageWriter writer(out, 'R');
    writer.u32(static_cast<std::uint32_t>(Kind::sasl));
    for (const std::string_view mechanism : mechanisms) writer.c_string(mechanism);
    writer.u8(0);
    return writer.finish();
}

void encode_authentication_sasl_continue(Bytes& out, ByteView data) {
    encode_authentication(out, Kind::sasl_continue, data);
}

void encode_authentication_sasl_final(Bytes& out, ByteView data) {
    encode_authentication(out, Kind::sasl_final, data);
}

bool encode_parameter_status(Bytes& out, std::string_view name, std::string_view value) {
    MessageWriter writer(out, 'S');
    writer.c_string(name);
    writer.c_string(value);
    return writer.finish();
}

bool encode_backend_key_data(Bytes& out, std::uint32_t pid, ByteView key) {
    if (!is_cancel_key_size(key.size())) return false;
    MessageWriter writer(out, 'K');
    writer.u32(pid);
    writer.bytes(key);
    return writer.finish();
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

bool encode_row_description(Bytes& out, std::span<const Column> columns) {
    MessageWriter writer(out, 'T');
    writer.count(columns.size());
    for (const Column& column : columns) {
        writer.c_string(column.name);
        writer.u32(column.table_oid);
        writer.i16(column.table_column);
        writer.u32(column.type_oid);
        writer.i16(column.type_length);
        writer.i32(column.type_modifier);
        writer.u16(column.format);
    }
    return writer.finish();
}

bool encode_data_row(Bytes& out, std::span<const std::optional<std::string>> values) {
    return encode_row(out, values);
}

bool encode_data_row(Bytes& out, std::span<const std::optional<std::string_view>> values) {
    return encode_row(out, values);
}

bool encode_command_complete(Bytes& out, std::string_view tag) {
    MessageWriter writer(out, 'C');
    writer.c_string(tag);
    return writer.finish();
}

void encode_empty_query_response(Bytes& out) { encode_empty(out, 'I'); }

void encode_parse_complete(Bytes& out) { encode_empty(out, '1'); }

void encode_bind_complete(Bytes& out) { encode_empty(out, '2'); }

void encode_close_complete(Bytes& out) { encode_empty(out, '3'); }

void encode_no_data(Bytes& out) { encode_empty(out, 'n'); }

void encode_portal_suspended(Bytes& out) { encode_empty(out, 's'); }

void encode_function_call_response(Bytes& out, std::optional<ByteView> value) {
    MessageWriter(out, 'V').value(value);
}

void encode_copy_in_response(Bytes& out) { encode_copy_response(out, 'G', binary_format); }

void encode_copy_out_response(Bytes& out) { encode_copy_response(out, 'H', text_format); }

void encode_copy_both_response(Bytes& out) { encode_copy_response(out, 'W', text_format); }

void encode_parameter_description(Bytes& out, std::span<const std::uint32_t> types) {
    MessageWriter writer(out, 't');
    writer.count(types.size());
    for (const std::uint32_t type : types) writer.u32(type);
}

bool encode_notification(Bytes& out, const Notification& notification) {
    MessageWriter writer(out, 'A');
    writer.u32(notification.pid);
    writer.c_string(notification.channel);
    writer.c_string(notification.payload);
    return writer.finish();
}

Result<BackendKey> parse_backend_key_data(ByteView body) {
    ByteReader reader(body);
    BackendKey key;
    key.pid = reader.u32();
    const ByteView secret = reader.rest();
    if (!reader.ok() || !is_cancel_key_size(secret.size())) {
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
    const bool excess = stands_alone(static_cast<Kind>(request.code)) && !request.data.empty();
    if (!reader.ok() || excess) return malformed_message("authentication request");
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
    const std::string_view status = as_text(body);
    if (status != "I" && status != "T" && status != "E") return malformed_message("ReadyForQuery");
    return status[0];
}

Result<Negotiation> parse_negotiate_protocol_version(ByteView body) {
    ByteReader reader(body);
    Negotiation negotiation;
    const auto major = reader.u16();  // zero from servers that send the minor version alone
    negotiation.minor = reader.u16();
    const std::uint32_t count = reader.u32();
    for (std::uint32_t i = 0; i < count && reader.ok(); ++i) {
        negotiation.unrecognized.emplace_back(reader.c_string());
    }
    if (!reader.finished() || (major != 0 && major != 3)) {
        return malformed_message("NegotiateProtocolVersion");
    }
    return negotiation;
}

Result<ColumnList> view_row_description(ByteView body) {
    ByteReader reader(body);
    const std::size_t count = reader.u16();
    const ColumnList columns(reader, count);
    if (!reader.finished()) return malformed_message("RowDescription");
    return columns;
}

Result<std::vector<Column>> parse_row_description(ByteView body) {
    auto views = view_row_description(body);
    if (!views) return std::move(views).error();
    std::vector<Column> columns;
    columns.reserve(views->size());
    for (const ColumnView& view : *views) {
        columns.push_back({std::string(view.name),
                           view.type_oid,
                           view.type_length,
                           view.type_modifier,
                           view.table_oid,
                           view.table_column,
                           view.format});
    }
    return columns;
}

Result<std::vector<std::optional<std::string_view>>> parse_data_row(ByteView body) {
    auto views = view_data_row(body);
    if (!views) return std::move(views).error();
    std::vector<std::optional<std::string_view>> values;
    values.reserve(views->size());
    for (const std::optional<ByteView> view : *views) {
        values.push_back(view ? std::optional(as_text(*view)) : std::nullopt);
    }
    return values;
}

Result<std::string_view> parse_command_complete(ByteView body) {
    ByteReader reader(body);
    const std::string_view tag = reader.c_string();
    if (!reader.finished()) return malformed_message("CommandComplete");
    return tag;
}

Result<CopyResponse> parse_copy_response(ByteView body) {
    ByteReader reader(body);
    CopyResponse response;
    response.format = reader.u8();
    const std::size_t columns = reader.u16();
    response.column_formats = Int16List(reader.bytes(2 * columns));
    if (response.format > binary_format || !reader.finished()) {
        return malformed_message("CopyResponse");
    }
    return response;
}

Result<Notification> parse_notification(ByteView body) {
    ByteReader reader(body);
    Notification notification;
    notification.pid = reader.u32();
    notification.channel = reader.c_string();
    notification.payload = reader.c_string();
    if (!reader.finished()) return malformed_message("NotificationResponse");
    return notification;
}

Result<OidList> parse_parameter_description(ByteView body) {
    ByteReader reader(body);
    const std::size_t count = reader.u16();
    const OidList types(reader.bytes(4 * count));
    if (!reader.finished()) return malformed_message("ParameterDescription");
    return types;
}

Result<std::optional<ByteView>> parse_function_call_response(ByteView body) {
    ByteReader reader(body);
    const std::optional<ByteView> value = ValueField::read(reader);
    if (!reader.finished()) return malformed_message("FunctionCallResponse");
    return value;
}

}  // namespace sluice::pg
