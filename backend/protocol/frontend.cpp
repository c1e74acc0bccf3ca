#include "backend/protocol/frontend.hpp"

#include "backend/protocol/errc.hpp"
#include "backend/protocol/message_writer.hpp"
#include "common/base/byte_reader.hpp"

namespace sluice::pg {

namespace {

Result<std::string_view> parse_single_string(ByteView body, const char* what) {
    const std::string_view text = as_text(body);
    if (text.empty() || text.find('\0') != text.size() - 1) {
        return protocol_error(Errc::invalid_message, what);
    }
    return text.substr(0, text.size() - 1);
}

Int16List read_formats(ByteReader& reader) {
    const std::size_t count = reader.u16();
    return Int16List(reader.bytes(2 * count));
}

// One format for each value, or one for all, or none.
template <class Formats, class Values>
bool fit(const Formats& formats, const Values& values) {
    return formats.size() <= 1 || formats.size() == values.size();
}

// The body that Describe and Close share.
template <class Message>
Result<Message> parse_subject(ByteView body, std::string_view what) {
    ByteReader reader(body);
    Message message;
    message.subject = static_cast<Subject>(reader.u8());
    message.name = reader.c_string();
    const bool known = message.subject == Subject::statement || message.subject == Subject::portal;
    if (!known || !reader.finished()) return malformed_message(what);
    return message;
}

template <class Message>
bool encode_subject(Bytes& out, char tag, const Message& message) {
    MessageWriter writer(out, tag);
    writer.u8(static_cast<std::uint8_t>(message.subject));
    writer.c_string(message.name);
    return writer.finish();
}

bool encode_text(Bytes& out, char tag, std::string_view text) {
    MessageWriter writer(out, tag);
    writer.c_string(text);
    return writer.finish();
}

void write_formats(MessageWriter& writer, std::span<const std::uint16_t> formats) {
    writer.count(formats.size());
    for (const std::uint16_t format : formats) writer.u16(format);
}

void write_values(MessageWriter& writer, std::span<const std::optional<std::string_view>> values) {
    writer.count(values.size());
    for (const auto& value : values) {
        writer.value(value ? std::optional(as_bytes(*value)) : std::nullopt);
    }
}

}  // namespace

Result<std::string_view> parse_query(ByteView body) {
    return parse_single_string(body, "query message is not one terminated string");
}

Result<std::string_view> parse_password(ByteView body) {
    return parse_single_string(body, "password message is not one terminated string");
}

Result<std::string_view> parse_copy_fail(ByteView body) {
    return parse_single_string(body, "CopyFail is not one terminated string");
}

bool is_frontend_tag(char tag) {
    constexpr std::string_view tags = "BCDEFHPQSXcdfp";
    return tags.find(tag) != std::string_view::npos;
}

Result<void> parse_empty(ByteView body, char tag) {
    if (!body.empty()) {
        return protocol_error(Errc::invalid_message,
                              std::string("a message of type ") + tag + " has no body");
    }
    return {};
}

Result<Parse> parse_parse(ByteView body) {
    ByteReader reader(body);
    Parse parse;
    parse.statement = reader.c_string();
    parse.query = reader.c_string();
    const std::size_t types = reader.u16();
    parse.types = OidList(reader.bytes(4 * types));
    if (!reader.finished()) return malformed_message("Parse");
    return parse;
}

Result<Bind> parse_bind(ByteView body) {
    ByteReader reader(body);
    Bind bind;
    bind.portal = reader.c_string();
    bind.statement = reader.c_string();
    bind.formats = read_formats(reader);
    const std::size_t values = reader.u16();
    bind.values = ValueList(reader, values);
    bind.result_formats = read_formats(reader);
    if (!reader.finished()) return malformed_message("Bind");
    if (!fit(bind.formats, bind.values)) {
        return protocol_error(Errc::invalid_message,
                              "Bind has " + std::to_string(bind.formats.size()) + " formats for " +
                                  std::to_string(values) + " values");
    }
    return bind;
}

Result<Describe> parse_describe(ByteView body) { return parse_subject<Describe>(body, "Describe"); }

Result<Close> parse_close(ByteView body) { return parse_subject<Close>(body, "Close"); }

Result<Execute> parse_execute(ByteView body) {
    ByteReader reader(body);
    Execute execute;
    execute.portal = reader.c_string();
    execute.rows_max = reader.u32();
    if (!reader.finished()) return malformed_message("Execute");
    return execute;
}

Result<FunctionCall> parse_function_call(ByteView body) {
    ByteReader reader(body);
    FunctionCall call;
    call.oid = reader.u32();
    call.formats = read_formats(reader);
    const std::size_t arguments = reader.u16();
    call.arguments = ValueList(reader, arguments);
    call.result_format = reader.u16();
    if (!reader.finished() || !fit(call.formats, call.arguments)) {
        return malformed_message("FunctionCall");
    }
    return call;
}

Result<SaslInitialResponse> parse_sasl_initial_response(ByteView body) {
    ByteReader reader(body);
    SaslInitialResponse response;
    response.mechanism = reader.c_string();
    const std::int32_t length = reader.i32();
    if (length != -1) response.data = reader.bytes(static_cast<std::uint32_t>(length));
    if (!reader.finished()) return malformed_message("SASLInitialResponse");
    return response;
}

bool encode_query(Bytes& out, std::string_view sql) { return encode_text(out, 'Q', sql); }

bool encode_password(Bytes& out, std::string_view password) {
    return encode_text(out, 'p', password);
}

bool encode_sasl_initial_response(Bytes& out,
                                  std::string_view mechanism,
                                  std::optional<ByteView> data) {
    MessageWriter writer(out, 'p');
    writer.c_string(mechanism);
    writer.value(data);
    return writer.finish();
}

void encode_sasl_response(Bytes& out, ByteView data) { MessageWriter(out, 'p').bytes(data); }

void encode_terminate(Bytes& out) { MessageWriter(out, 'X'); }

void encode_sync(Bytes& out) { MessageWriter(out, 'S'); }

void encode_flush(Bytes& out) { MessageWriter(out, 'H'); }

bool encode_copy_fail(Bytes& out, std::string_view reason) { return encode_text(out, 'f', reason); }

bool encode_parse(Bytes& out,
                  std::string_view statement,
                  std::string_view query,
                  std::span<const std::uint32_t> types) {
    MessageWriter writer(out, 'P');
    writer.c_string(statement);
    writer.c_string(query);
    writer.count(types.size());
    for (const std::uint32_t type : types) writer.u32(type);
    return writer.finish();
}

bool encode_bind(Bytes& out,
                 std::string_view portal,
                 std::string_view statement,
                 std::span<const std::optional<std::string_view>> values,
                 std::span<const std::uint16_t> formats,
                 std::span<const std::uint16_t> result_formats) {
    if (!fit(formats, values)) return false;
    MessageWriter writer(out, 'B');
    writer.c_string(portal);
    writer.c_string(statement);
    write_formats(writer, formats);
    write_values(writer, values);
    write_formats(writer, result_formats);
    return writer.finish();
}

bool encode_describe(Bytes& out, const Describe& describe) {
    return encode_subject(out, 'D', describe);
}

bool encode_close(Bytes& out, const Close& close) { return encode_subject(out, 'C', close); }

bool encode_execute(Bytes& out, const Execute& execute) {
    MessageWriter writer(out, 'E');
    writer.c_string(execute.portal);
    writer.u32(execute.rows_max);
    return writer.finish();
}

bool encode_function_call(Bytes& out,
                          std::uint32_t oid,
                          std::span<const std::optional<std::string_view>> arguments,
                          std::span<const std::uint16_t> formats,
                          std::uint16_t result_format) {
    if (!fit(formats, arguments)) return false;
    MessageWriter writer(out, 'F');
    writer.u32(oid);
    write_formats(writer, formats);
    write_values(writer, arguments);
    writer.u16(result_format);
    return writer.finish();
}

}  // namespace sluice::pg
