#pragma once

#include "backend/protocol/backend.hpp"
#include "backend/protocol/errors.hpp"
#include "backend/protocol/message_limits.hpp"
#include "backend/server/copy_stream.hpp"
#include "backend/server/error_report.hpp"
#include "backend/server/extended_query.hpp"
#include "backend/server/framed_stream.hpp"
#include "backend/server/handler.hpp"
#include "backend/server/server_handshake.hpp"
#include "common/net/monitored_stream.hpp"
#include "common/observability/log.hpp"

#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
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
        MessageLimits limits;
        std::size_t statements_max = 1024;  // prepared at a time; JDBC keeps 256
        std::string server_version = "15.0";
        // Told at the login, before server_version.
        std::vector<std::pair<std::string, std::string>> parameters = {{"client_encoding", "UTF8"},
                                                                       {"integer_datetimes", "on"}};
        // BackendKeyData, if any, of 4 to 256 bytes; cancel requests with it go nowhere. Clients of
        // protocols before 3.2 get the first four bytes.
        std::optional<BackendKey> key = std::nullopt;
        std::chrono::milliseconds login_timeout{15'000};
        // While idle between queries; no limit by default.
        std::optional<std::chrono::milliseconds> idle_timeout;
        // For a peer that takes nothing of what is sent.
        std::chrono::milliseconds send_timeout{60'000};
        // For a peer that sends nothing, in a COPY too; no limit by default.
        std::optional<std::chrono::milliseconds> receive_timeout;
    };
    PostgresBackend(Options options, log::Log log);

    // Serves the connection until Terminate, the end of the stream or an error that must end it.
    // Cancelling the coroutine ends the session with 57P01, in the middle of a query too.
    net::Awaitable<void> run(std::unique_ptr<net::SocketStream> socket, Handler& handler);
    // Ends the session with 57P01 as soon as no query runs: at once at its login, when it is idle
    // and in a COPY, after the answer otherwise. On the connection's thread.
    void stop();
    State state() const { return state_; }

    // The output buffer of the current answer.
    Bytes& out();
    // The columns of the rows that follow. Nothing is sent in the extended protocol, where Describe
    // has told them. Their names are the handler's own: a NUL in one ends the process.
    void row_description(std::span<const Column> columns);
    // Sends what is in out() once it is a lot: to be called between the rows of large answers.
    net::Awaitable<Result<void>> flush();

    // COPY, once in a query. After `in` and `out` CommandComplete is the handler's (behind
    // CopyWriter::finish()); an end that is not in order is returned as query_error(). Of `both`
    // nothing is left to do: the handler returns what it gets.
    net::Awaitable<Expected<CopyReader, CopyStreamEnd>> copy_in();
    net::Awaitable<Expected<CopyWriter, CopyStreamEnd>> copy_out();
    net::Awaitable<QueryOutcome> copy_both(CopyBothService& service, const CopyOptions& options);

    const StartupMessage& startup_message() const { return startup_; }
    bool encrypted() const;
    // SNI; empty when there is none.
    const std::string& server_name() const { return server_name_; }
    // What came and went after the startup packet.
    const net::StreamCounters& counters() const { return counters_; }
    const log::Log& log() const { return log_; }

private:
    // The startup packet; false when the connection has ended.
    net::Awaitable<bool> open(std::unique_ptr<net::SocketStream> socket);
    net::Awaitable<Result<std::optional<Opening>>> shake_hands(
        std::unique_ptr<net::SocketStream> socket);
    net::Awaitable<bool> authenticate(Handler& handler);
    // Why the client is not let in; nullopt when it is. It is known at login_deadline_ and stop().
    net::Awaitable<std::optional<ErrorReport>> check_client_in_time(Handler& handler);
    net::Awaitable<std::optional<ErrorReport>> check_client(Handler& handler);
    net::Awaitable<std::optional<ErrorReport>> ask_client(Handler& handler);
    net::Awaitable<std::optional<ErrorReport>> check_token(Handler& handler);
    net::Awaitable<std::optional<ErrorReport>> check_password_of(Handler& handler);
    ErrorReport report_failed_login(AuthFailure failure) const;
    void limit_messages(Phase phase);
    net::Awaitable<void> serve(Handler& handler);
    // False when the session is over.
    net::Awaitable<bool> serve_one(Handler& handler);
    net::Awaitable<bool> answer(Handler& handler, Frame message);
    net::Awaitable<bool> answer_query(Handler& handler, Frame message);
    // What an ExtendedQuery did not answer itself.
    net::Awaitable<bool> finish(Handler& handler, Result<ExtendedQuery::Step> step);
    // Everything else; errors: the peer broke the protocol.
    Result<void> answer_other(const Frame& message);
    void ready_for_query();
    // What is to leave behind a message of this type, without waiting; false: send_answers().
    bool send_at_once(char tag);
    net::Awaitable<bool> send_answers();
    net::Awaitable<bool> run_query(Handler& handler, std::string query);
    // ErrorResponse to a query that failed; false when that ended the session.
    net::Awaitable<bool> conclude(const QueryOutcome& outcome);
    // Sends what waits, so that the COPY response is there before anything is read.
    net::Awaitable<Expected<void, CopyStreamEnd>> enter_copy();
    // The end of the session: a line in the log, a last message to the peer.
    net::Awaitable<void> end(Error error, Stage stage);
    net::Awaitable<void> end(ErrorReport report);
    // As the table has it, except that a wait which stop() has ended is no timeout.
    ErrorReport judge(Error error, Stage stage) const;

    Options options_;
    log::Log log_;
    net::StreamCounters counters_;
    std::unique_ptr<FramedStream> framed_;
    StartupMessage startup_;
    std::string server_name_;
    State state_ = State::initialization;
    bool stopping_ = false;
    Deadline login_deadline_ = no_deadline;
    boost::asio::steady_timer* login_timer_ = nullptr;  // while the client is checked
    net::SocketStream* opening_ = nullptr;              // during the handshake, whoever owns it
    bool waiting_ = false;  // for the peer, who may be told to go: nothing of ours is under way
    ExtendedQuery extended_;
    bool in_extended_ = false;  // the query that runs came by Execute
    bool due_ = false;          // there is an answer that must not wait for the next query
    bool over_ = false;         // a COPY has ended the session and said so
};

}  // namespace sluice::pg
