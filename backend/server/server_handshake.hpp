#pragma once

#include "backend/protocol/error_fields.hpp"
#include "backend/protocol/startup.hpp"
#include "common/net/byte_stream.hpp"
#include "common/net/socket_stream.hpp"
#include "common/net/tls_context.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>

namespace sluice::pg {

// What a client said before authentication.
struct Opening {
    std::unique_ptr<net::ByteStream> stream;
    Bytes received;       // pipelined bytes behind the packet
    Bytes startup_bytes;  // the StartupMessage packet as it came (empty for a cancel request)
    std::variant<StartupMessage, CancelRequest> request;
    std::string server_name;  // SNI, empty when none
    std::string tls_version;  // empty on a plain connection
};

struct ServerHandshakeOptions {
    std::shared_ptr<const net::TlsServerContext> tls;  // null: SSLRequest is answered N
    bool tls_required =
        false;  // a plain StartupMessage is refused with 28000 (cancel requests are not)
    Deadline deadline = no_deadline;  // left on the stream; the caller moves it
    // The text of that refusal.
    std::string insecure_text = "must connect with TLS";
    // Called when TLS is established, if there.
    std::function<void()> on_tls = nullptr;
    // What to tell a client when reading from it failed, by the deadline or a cancellation for
    // instance; nullopt: nothing. Not asked within a TLS handshake, where nothing can be told.
    std::function<std::optional<ErrorFields>(const Error&)> last_words = nullptr;
};

// Answers SSLRequest and GSSENCRequest (each at most once), accepts direct TLS, reads the
// StartupMessage or CancelRequest. Bytes behind an SSLRequest end the connection.
// nullopt: the peer closed, and was told nothing, without sending anything (a port probe).
// On a bad request the peer was sent a FATAL ErrorResponse where the protocol allows one; the
// error says what happened (kind client, client_disconnect or limit for the deadline).
net::Awaitable<Result<std::optional<Opening>>> server_handshake(
    std::unique_ptr<net::SocketStream> socket, ServerHandshakeOptions options);

}  // namespace sluice::pg
