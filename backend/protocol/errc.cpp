#include "backend/protocol/errc.hpp"

#include <utility>

namespace sluice::pg {

namespace {

// Boost's categories are never destroyed through their base; GCC warns nevertheless.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"
class ProtocolCategory final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "sluice.pg"; }
    std::string message(int value) const override {
        switch (static_cast<Errc>(value)) {
        case Errc::invalid_startup_length: return "invalid length of startup packet";
        case Errc::invalid_startup_layout: return "invalid startup packet layout";
        case Errc::invalid_cancel_length: return "invalid length of cancel request";
        case Errc::unsupported_protocol: return "unsupported frontend protocol";
        case Errc::missing_user: return "no user name in startup packet";
        case Errc::insecure_connection: return "connection is insecure";
        case Errc::tls_unavailable: return "TLS is not available";
        case Errc::data_before_tls: return "unencrypted data after encryption request";
        case Errc::invalid_message_length: return "invalid message length";
        case Errc::invalid_message: return "invalid message format";
        case Errc::unexpected_message: return "unexpected message";
        }
        return "unknown protocol error";
    }
};
#pragma GCC diagnostic pop

const ProtocolCategory protocol_category;

}  // namespace

boost::system::error_code make_error_code(Errc code) {
    return {static_cast<int>(code), protocol_category};
}

std::optional<Errc> find_errc(const boost::system::error_code& code) {
    if (code.category() != protocol_category) return std::nullopt;
    return static_cast<Errc>(code.value());
}

bool is_violation(const boost::system::error_code& code) {
    return code.category() == protocol_category && code != Errc::unsupported_protocol &&
           code != Errc::missing_user && code != Errc::insecure_connection &&
           code != Errc::tls_unavailable;
}

Error protocol_error(Errc code, std::string detail) {
    return Error(ErrorKind::client, std::move(detail), make_error_code(code));
}

Error malformed_message(std::string_view name) {
    return protocol_error(Errc::invalid_message, "malformed " + std::string(name));
}

}  // namespace sluice::pg
