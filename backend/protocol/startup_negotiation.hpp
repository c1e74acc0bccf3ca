#pragma once

#include "backend/protocol/error_fields.hpp"
#include "backend/protocol/startup.hpp"

#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace sluice::pg {

// The rules for everything a client sends before authentication, without I/O: give step() the bytes
// that were received and not consumed yet, do what it says, call it again.
class StartupNegotiation {
public:
    struct Policy {
        bool tls_available = false;
        bool tls_required = false;  // a plain StartupMessage is refused, a CancelRequest is not
        std::string insecure_text = "must connect with TLS";  // of that refusal
    };
    explicit StartupNegotiation(Policy policy) : policy_(std::move(policy)) {}

    // Read more, then step() again with all of it.
    struct Read {};
    // Send this byte; the bytes given are consumed. `start_tls`: accept TLS next, then on_tls().
    struct Answer {
        char byte = 'N';
        bool start_tls = false;
    };
    // The bytes given are the beginning of a TLS handshake: accept it with them, then on_tls().
    struct DirectTls {};
    // Done; `size` bytes are consumed, whatever is behind them was sent in advance.
    struct Done {
        std::variant<StartupMessage, CancelRequest> request;
        std::size_t size = 0;
    };
    // Send `fields` if there are any, and close.
    struct Refuse {
        std::optional<ErrorFields> fields;
        Error error;  // kind client with an Errc
    };
    using Action = std::variant<Read, Answer, DirectTls, Done, Refuse>;

    Action step(ByteView in);
    // From now on bytes come out of TLS.
    void on_tls() { encrypted_ = true; }

private:
    Action answer_ssl(ByteView in, std::size_t size);
    Action answer_gss(ByteView in, std::size_t size);
    Action accept(StartupMessage message, std::size_t size);

    Policy policy_;
    bool encrypted_ = false;
    bool ssl_requested_ = false;
    bool gss_requested_ = false;
};

}  // namespace sluice::pg
