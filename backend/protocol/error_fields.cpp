#include "backend/protocol/error_fields.hpp"

#include "backend/protocol/errc.hpp"
#include "backend/protocol/message_writer.hpp"
#include "common/base/byte_reader.hpp"

namespace sluice::pg {

namespace {

ErrorFields make_fields(std::string_view severity, std::string_view code, std::string message) {
    ErrorFields fields;
    fields.severity = severity;
    fields.code = code;
    fields.message = std::move(message);
    return fields;
}

void write_field(MessageWriter& writer, char type, std::string_view text) {
    writer.u8(static_cast<std::uint8_t>(type));
    writer.c_string(text.substr(0, text.find('\0')));
}

void encode_fields(Bytes& out, char tag, const ErrorFields& fields) {
    MessageWriter writer(out, tag);
    write_field(writer, 'S', fields.severity);
    write_field(writer, 'V', fields.severity);
    write_field(writer, 'C', fields.code);
    write_field(writer, 'M', fields.message);
    if (!fields.detail.empty()) write_field(writer, 'D', fields.detail);
    if (!fields.hint.empty()) write_field(writer, 'H', fields.hint);
    for (const auto& [type, text] : fields.others) write_field(writer, type, text);
    writer.u8(0);
}

void keep_other(ErrorFields& fields, char type, std::string_view text) {
    if (fields.others.size() < other_error_fields_max) fields.others.emplace_back(type, text);
}

}  // namespace

ErrorFields ErrorFields::fatal(std::string_view code, std::string message) {
    return make_fields("FATAL", code, std::move(message));
}

ErrorFields ErrorFields::error(std::string_view code, std::string message) {
    return make_fields("ERROR", code, std::move(message));
}

ErrorFields ErrorFields::notice(std::string message) {
    return make_fields("NOTICE", sqlstate::successful_completion, std::move(message));
}

Result<ErrorFields> parse_error_fields(ByteView body) {
    ErrorFields fields = make_fields("", "", "");
    std::string_view localised_severity;
    ByteReader reader(body);
    for (std::uint8_t type = reader.u8(); type != 0; type = reader.u8()) {
        const std::string_view text = reader.c_string();
        switch (static_cast<char>(type)) {
        case 'S': localised_severity = text; break;
        case 'V': fields.severity = text; break;
        case 'C': fields.code = text; break;
        case 'M': fields.message = text; break;
        case 'D': fields.detail = text; break;
        case 'H': fields.hint = text; break;
        default: keep_other(fields, static_cast<char>(type), text); break;
        }
    }
    if (!reader.finished()) {
        return protocol_error(Errc::invalid_message, "malformed error or notice fields");
    }
    if (fields.severity.empty()) fields.severity = localised_severity;
    return fields;
}

void encode_error_response(Bytes& out, const ErrorFields& fields) {
    encode_fields(out, 'E', fields);
}

void encode_notice_response(Bytes& out, const ErrorFields& fields) {
    encode_fields(out, 'N', fields);
}

}  // namespace sluice::pg
