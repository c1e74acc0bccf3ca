#pragma once

#include "backend/protocol/backend.hpp"
#include "backend/protocol/error_fields.hpp"
#include "backend/server/framed_stream.hpp"
#include "backend/server/server_handshake.hpp"
#include "common/base/secret.hpp"
#include "common/observability/log.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <variant>

namespace sluice::pg {

class PostgresBackend;

// What a service does with one connection. Methods run on the connection's thread, one at a time.
class Handler {
public:
    virtual ~Handler() = default;
    // Looks at the startup packet before authentication; an error refuses the connection.
    virtual std::optional<ErrorFields> startup(const StartupMessage& message) = 0;
    // Verifies the token of JWT authentication; an error refuses the connection.
    virtual std::optional<ErrorFields> check_token(std::string_view token) = 0;
    // Answers one simple query by encoding rows and CommandComplete into backend.out(); a returned
    // error is sent as ErrorResponse. ReadyForQuery follows either way.
    virtual net::Awaitable<std::optional<ErrorFields>> process_query(PostgresBackend& backend,
                                                                     std::string query) = 0;
};

// The server side of one connection: handshake, authentication, query loop. Small on purpose: it
// speaks enough PostgreSQL for psql, libpq and drivers to send commands to a sluice service.
class PostgresBackend {
public:
    enum class Authentication { trust, jwt };  // jwt: sent as a cleartext password
    struct Options {
        Authentication authentication = Authentication::trust;
        ServerHandshakeOptions handshake;
        std::size_t query_bytes_max = 1U << 20U;
        std::string server_version = "15.0";
        std::chrono::milliseconds login_timeout{15'000};
        // While idle between queries; no limit by default.
        std::optional<std::chrono::milliseconds> idle_timeout;
        // For sending one answer to a peer that does not read.
        std::chrono::milliseconds send_timeout{60'000};
    };
    PostgresBackend(Options options, log::Log log);

    // Serves the connection until Terminate, the end of the stream or an error that must end it.
    // A peer that goes away is logged at INFO (DEBUG before it sent anything), a protocol violation
    // is one ERROR line. Cancelling the coroutine ends the session with 57P01.
    net::Awaitable<void> run(std::unique_ptr<net::SocketStream> socket, Handler& handler);

    // The output buffer of the current answer.
    Bytes& out();
    const log::Log& log() const { return log_; }

private:
    net::Awaitable<bool> authenticate(Handler& handler, const StartupMessage& message);
    net::Awaitable<Result<Secret>> receive_token();
    net::Awaitable<void> serve(Handler& handler);
    // False when the session is over.
    net::Awaitable<bool> answer(Handler& handler, Frame message);
    net::Awaitable<void> answer_query(Handler& handler, std::string query);
    bool answer_other(char tag);
    net::Awaitable<void> end(Error error);
    net::Awaitable<void> shut_down();
    net::Awaitable<void> send_last(ErrorFields fields);
    void log_failure(const Error& error) const;

    Options options_;
    log::Log log_;
    std::unique_ptr<FramedStream> framed_;
    bool skip_to_sync_ = false;
};

}  // namespace sluice::pg
