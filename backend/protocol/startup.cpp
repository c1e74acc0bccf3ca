#include "backend/protocol/startup.hpp"

#include "backend/protocol/errc.hpp"
#include "backend/protocol/message_writer.hpp"
#include "common/base/byte_reader.hpp"
#include "common/base/text.hpp"

#include <algorithm>

namespace sluice::pg {

namespace {

// Request codes take the place of the protocol version: 1234 and one of these.
constexpr std::uint16_t request_major = 1234;
constexpr std::uint16_t cancel_minor = 5678;
constexpr std::uint16_t ssl_minor = 5679;
constexpr std::uint16_t gss_enc_minor = 5680;

constexpr std::size_t startup_bytes_min = 8;  // length and version
constexpr std::string_view protocol_option_prefix = "_pq_.";

Error invalid_length() {
    return protocol_error(Errc::invalid_startup_length, "invalid length of startup packet");
}

Result<CancelRequest> parse_cancel_request(ByteView body) {
    ByteReader reader(body);
    CancelRequest request;
    request.pid = reader.u32();
    const ByteView key = reader.rest();
    if (!reader.ok() || !is_cancel_key_size(key.size())) {
        return protocol_error(Errc::invalid_cancel_length, "invalid length of cancel request");
    }
    request.key.assign(key.begin(), key.end());
    return request;
}

// pairs = (name NUL value NUL)* NUL; nothing may follow.
Result<StartupMessage> parse_parameters(ProtocolVersion version, ByteView body) {
    ByteReader reader(body);
    StartupMessage message;
    message.version = version;
    for (;;) {
        const std::string_view name = reader.c_string();
        if (name.empty()) break;
        const std::string_view value = reader.c_string();
        if (!is_utf8(name) || !is_utf8(value)) {
            return protocol_error(Errc::invalid_startup_layout,
                                  "invalid startup packet layout: parameters must be UTF-8");
        }
        message.parameters.emplace_back(name, value);
    }
    if (!reader.finished()) {
        return protocol_error(Errc::invalid_startup_layout,
                              "invalid startup packet layout: expected terminator as last byte");
    }
    return message;
}

Error unsupported(ProtocolVersion version) {
    return protocol_error(Errc::unsupported_protocol,
                          "unsupported frontend protocol " + std::to_string(version.major) + "." +
                              std::to_string(version.minor) + ": server supports 3.0 to 3." +
                              std::to_string(protocol_minor_max));
}

Result<StartupPacket> parse_body(ProtocolVersion version, ByteView body) {
    if (version.major == 3) {
        auto message = parse_parameters(version, body);
        if (!message) return std::move(message).error();
        return StartupPacket(std::move(*message));
    }
    if (version.major != request_major) return unsupported(version);
    if (version.minor == cancel_minor) {
        auto request = parse_cancel_request(body);
        if (!request) return std::move(request).error();
        return StartupPacket(std::move(*request));
    }
    if (version.minor != ssl_minor && version.minor != gss_enc_minor) return unsupported(version);
    if (!body.empty()) return invalid_length();
    if (version.minor == ssl_minor) return StartupPacket(SslRequest());
    return StartupPacket(GssEncRequest());
}

void encode_request(Bytes& out, std::uint16_t minor) {
    MessageWriter writer(out);
    writer.u16(request_major);
    writer.u16(minor);
}

// isspace() of the C locale.
bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

}  // namespace

std::optional<std::string_view> StartupMessage::find(std::string_view name) const {
    const auto named = [&](const auto& parameter) { return parameter.first == name; };
    const auto found = std::find_if(parameters.rbegin(), parameters.rend(), named);
    if (found == parameters.rend()) return std::nullopt;
    return found->second;
}

std::string_view StartupMessage::database() const {
    const std::string_view given = find("database").value_or("");
    return given.empty() ? user() : given;
}

std::vector<std::string> StartupMessage::protocol_options() const {
    std::vector<std::string> names;
    for (const auto& [name, value] : parameters) {
        if (name.starts_with(protocol_option_prefix)) names.push_back(name);
    }
    return names;
}

Result<std::optional<StartupPacket>> parse_startup_packet(ByteView in, std::size_t& size) {
    if (in.size() < 4) return std::optional<StartupPacket>();
    const std::size_t length = ByteReader(in.first(4)).u32();
    if (length < startup_bytes_min || length > startup_bytes_max) return invalid_length();
    if (in.size() < length) return std::optional<StartupPacket>();

    ByteReader reader(in.subspan(4, length - 4));
    ProtocolVersion version;
    version.major = reader.u16();
    version.minor = reader.u16();
    auto packet = parse_body(version, reader.rest());
    if (!packet) return std::move(packet).error();
    size = length;
    return std::optional<StartupPacket>(std::move(*packet));
}

bool encode_startup(Bytes& out, const StartupMessage& message) {
    MessageWriter writer(out);
    writer.u16(message.version.major);
    writer.u16(message.version.minor);
    for (const auto& [name, value] : message.parameters) {
        writer.c_string(name);
        writer.c_string(value);
    }
    writer.u8(0);
    return writer.finish();
}

void encode_ssl_request(Bytes& out) { encode_request(out, ssl_minor); }

void encode_gss_enc_request(Bytes& out) { encode_request(out, gss_enc_minor); }

bool encode_cancel_request(Bytes& out, const CancelRequest& request) {
    if (!is_cancel_key_size(request.key.size())) return false;
    MessageWriter writer(out);
    writer.u16(request_major);
    writer.u16(cancel_minor);
    writer.u32(request.pid);
    writer.bytes(request.key);
    return writer.finish();
}

std::optional<Negotiation> negotiate(const StartupMessage& message, std::uint16_t minor_max) {
    Negotiation negotiation;
    negotiation.minor = std::min(message.version.minor, minor_max);
    negotiation.unrecognized = message.protocol_options();
    if (negotiation.minor == message.version.minor && negotiation.unrecognized.empty()) {
        return std::nullopt;
    }
    return negotiation;
}

std::vector<std::string> split_options(std::string_view options) {
    std::vector<std::string> words;
    std::size_t at = 0;
    for (;;) {
        while (at < options.size() && is_space(options[at])) ++at;
        if (at == options.size()) return words;
        std::string& word = words.emplace_back();
        bool escaped = false;
        for (; at < options.size() && (escaped || !is_space(options[at])); ++at) {
            if (!escaped && options[at] == '\\') {
                escaped = true;
            } else {
                escaped = false;
                word += options[at];
            }
        }
    }
}

std::string join_options(const std::vector<std::string>& options) {
    std::string joined;
    for (const std::string& word : options) {
        if (!joined.empty()) joined += ' ';
        for (const char c : word) {
            if (is_space(c) || c == '\\') joined += '\\';
            joined += c;
        }
    }
    return joined;
}

}  // namespace sluice::pg
