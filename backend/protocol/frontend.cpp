#include "backend/protocol/frontend.hpp"

#include "backend/protocol/errc.hpp"
#include "backend/protocol/message_writer.hpp"

namespace sluice::pg {

namespace {

Result<std::string_view> parse_single_string(ByteView body, const char* what) {
    const std::string_view text = as_text(body);
    if (text.empty() || text.find('\0') != text.size() - 1) {
        return protocol_error(Errc::invalid_message, what);
    }
    return text.substr(0, text.size() - 1);
}

}  // namespace

void encode_query(Bytes& out, std::string_view sql) { MessageWriter(out, 'Q').c_string(sql); }

void encode_password(Bytes& out, std::string_view password) {
    MessageWriter(out, 'p').c_string(password);
}

void encode_sasl_initial_response(Bytes& out, std::string_view mechanism, ByteView data) {
    MessageWriter writer(out, 'p');
    writer.c_string(mechanism);
    writer.u32(static_cast<std::uint32_t>(data.size()));
    writer.bytes(data);
}

void encode_sasl_response(Bytes& out, ByteView data) { MessageWriter(out, 'p').bytes(data); }

void encode_terminate(Bytes& out) { MessageWriter writer(out, 'X'); }

void encode_copy_fail(Bytes& out, std::string_view reason) {
    MessageWriter(out, 'f').c_string(reason);
}

Result<std::string_view> parse_query(ByteView body) {
    return parse_single_string(body, "query message is not one terminated string");
}

Result<std::string_view> parse_password(ByteView body) {
    return parse_single_string(body, "password message is not one terminated string");
}

}  // namespace sluice::pg
