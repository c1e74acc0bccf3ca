#pragma once

#include "backend/protocol/backend.hpp"
#include "backend/protocol/errors.hpp"
#include "backend/server/error_report.hpp"
#include "backend/server/framed_stream.hpp"
#include "backend/server/handler.hpp"
#include "backend/server/server_handshake.hpp"
#include "common/observability/log.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace sluice::pg {

// The server side of one connection: handshake, authentication, query loop. Small on purpose: it
// speaks enough PostgreSQL for psql, libpq and drivers to send commands to a sluice service.
// What the log and the peer learn of errors: docs/backend.md.
// Everything but stop() and state() is for the handler, while one of its methods runs.
class PostgresBackend {
public:
    enum class State {
        initialization,  // before the startup packet
        encrypted,       // the same, within TLS
        authentication,
        established,
        closed,
    };
    enum class Authentication {
        trust,
        jwt,       // a token, sent as a cleartext password, for Handler::check_token()
        password,  // by one of the methods of PasswordCheck, see Handler::check_auth()
    };
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
    // Cancelling the coroutine ends the session with 57P01, in the middle of a query too.
    net::Awaitable<void> run(std::unique_ptr<net::SocketStream> socket, Handler& handler);
    // Ends the session with 57P01 as soon as no query runs: at once when it is idle or at its
    // login, after the answer otherwise. On the connection's thread.
    void stop();
    State state() const { return state_; }

    // The output buffer of the current answer.
    Bytes& out();
    // The columns of the rows that follow. Nothing is sent in the extended protocol, where Describe
    // has told them. Their names are the handler's own: a NUL in one ends the process.
    void row_description(std::span<const Column> columns);
    // Sends what is in out(), for answers that are too large to be kept whole.
    net::Awaitable<Result<void>> flush();
    const StartupMessage& startup_message() const { return startup_; }
    bool encrypted() const;
    // SNI; empty when there is none.
    const std::string& server_name() const { return server_name_; }
    const log::Log& log() const { return log_; }

private:
    // The startup packet; false when the connection has ended.
    net::Awaitable<bool> open(std::unique_ptr<net::SocketStream> socket);
    net::Awaitable<bool> authenticate(Handler& handler);
    // Why the client is not let in; nullopt when it is.
    net::Awaitable<std::optional<ErrorReport>> check_client(Handler& handler);
    net::Awaitable<std::optional<ErrorReport>> check_token(Handler& handler);
    net::Awaitable<std::optional<ErrorReport>> check_password_of(Handler& handler);
    ErrorReport report_failed_login(AuthFailure failure) const;
    net::Awaitable<void> serve(Handler& handler);
    // False when the session is over.
    net::Awaitable<bool> serve_one(Handler& handler);
    net::Awaitable<bool> answer(Handler& handler, Frame message);
    net::Awaitable<bool> answer_query(Handler& handler, Frame message);
    net::Awaitable<QueryOutcome> process(Handler& handler, std::string query);
    // ErrorResponse where the query failed; false when that ended the session.
    net::Awaitable<bool> conclude(const QueryOutcome& outcome);
    bool answer_other(char tag);
    // The end of the session: a line in the log, a last message to the peer.
    net::Awaitable<void> end(Error error, Stage stage);
    net::Awaitable<void> end(ErrorReport report);
    // As the table has it, except that a wait which stop() has ended is no timeout.
    ErrorReport judge(Error error, Stage stage) const;
    // Sends what was answered before, `fields` and the end of the stream.
    net::Awaitable<void> say_goodbye(std::optional<ErrorFields> fields = std::nullopt);

    Options options_;
    log::Log log_;
    std::unique_ptr<FramedStream> framed_;
    StartupMessage startup_;
    std::string server_name_;
    State state_ = State::initialization;
    bool stopping_ = false;
    bool waiting_ = false;  // for the peer's next message: stop() need not wait for anything
    bool skip_to_sync_ = false;
};

}  // namespace sluice::pg
