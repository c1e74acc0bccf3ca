#include "backend/protocol/startup_negotiation.hpp"

#include "backend/protocol/errors.hpp"

namespace sluice::pg {

namespace {

using Action = StartupNegotiation::Action;

// The first byte of every TLS handshake record; no startup packet can begin with it, it would be
// 369 million bytes long.
constexpr std::uint8_t tls_handshake_record = 0x16;

Action refuse(Errc code, const std::string& text) {
    return StartupNegotiation::Refuse{fields_of(ProtocolError{code, text}),
                                      protocol_error(code, text)};
}

// As PostgreSQL answers a second request: the code is not a protocol version any more.
Action refuse_repetition(const char* version) {
    return refuse(Errc::unsupported_protocol,
                  "unsupported frontend protocol " + std::string(version) +
                      ": server supports 3.0 to 3." + std::to_string(protocol_minor_max));
}

}  // namespace

Action StartupNegotiation::step(ByteView in) {
    const bool first_packet = !encrypted_ && !ssl_requested_ && !gss_requested_;
    if (first_packet && !in.empty() && in[0] == tls_handshake_record) {
        if (policy_.tls_available) return DirectTls();
        return refuse(Errc::tls_unavailable, "direct TLS without a certificate");
    }

    std::size_t size = 0;
    auto packet = parse_startup_packet(in, size);
    if (!packet) {
        const Error& error = packet.error();
        return refuse(static_cast<Errc>(error.code.value()), error.detail);
    }
    if (!*packet) return Read();
    if (std::holds_alternative<SslRequest>(**packet)) return answer_ssl(in, size);
    if (std::holds_alternative<GssEncRequest>(**packet)) return answer_gss(in, size);
    if (auto* cancel = std::get_if<CancelRequest>(&**packet)) return Done{std::move(*cancel), size};
    return accept(std::get<StartupMessage>(std::move(**packet)), size);
}

// Bytes behind the request were sent before our answer: an honest client waits for it, so somebody
// may be putting plain text in front of the encrypted session (CVE-2021-23214).
Action StartupNegotiation::answer_ssl(ByteView in, std::size_t size) {
    if (encrypted_ || ssl_requested_) return refuse_repetition("1234.5679");
    if (in.size() > size) {
        return refuse(Errc::data_before_tls, "data behind an SSLRequest");
    }
    ssl_requested_ = true;
    if (policy_.tls_available) return Answer{'S', true};
    return Answer{'N', false};
}

Action StartupNegotiation::answer_gss(ByteView in, std::size_t size) {
    if (encrypted_ || gss_requested_) return refuse_repetition("1234.5680");
    if (in.size() > size) {
        return refuse(Errc::data_before_tls, "data behind a GSSENCRequest");
    }
    gss_requested_ = true;
    return Answer{'N', false};
}

Action StartupNegotiation::accept(StartupMessage message, std::size_t size) {
    if (policy_.tls_required && !encrypted_) {
        return refuse(Errc::insecure_connection, policy_.insecure_text);
    }
    if (message.user().empty()) {
        return refuse(Errc::missing_user, "no PostgreSQL user name specified in startup packet");
    }
    return Done{std::move(message), size};
}

}  // namespace sluice::pg
