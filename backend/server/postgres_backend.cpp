#include "backend/server/postgres_backend.hpp"

#include "backend/protocol/errc.hpp"
#include "backend/protocol/frontend.hpp"

#include <boost/asio/cancellation_state.hpp>

#include <algorithm>
#include <exception>

namespace sluice::pg {

namespace {

namespace this_coro = boost::asio::this_coro;

constexpr std::size_t token_bytes_max = 64U << 10U;
constexpr std::chrono::milliseconds farewell_time{2000};

Deadline after(std::chrono::milliseconds time) { return std::chrono::steady_clock::now() + time; }

Deadline after(const std::optional<std::chrono::milliseconds>& time) {
    return time ? after(*time) : no_deadline;
}

// PostgreSQL answers a query without a statement by EmptyQueryResponse.
bool is_empty_query(std::string_view query) {
    return query.find_first_not_of(" \t\n\v\f\r;") == std::string_view::npos;
}

ErrorFields unexpected_type(char tag) {
    return ErrorFields::fatal(
        sqlstate::protocol_violation,
        "invalid frontend message type " + std::to_string(static_cast<unsigned char>(tag)));
}

ErrorFields unsupported_message(char tag) {
    if (tag == 'F') {
        return ErrorFields::error(sqlstate::feature_not_supported,
                                  "function calls are not supported");
    }
    return ErrorFields::error(sqlstate::feature_not_supported,
                              "the extended query protocol is not supported: send simple queries");
}

void encode_login(Bytes& out, const std::string& server_version) {
    encode_authentication_ok(out);
    encode_parameter_status(out, "client_encoding", "UTF8");
    encode_parameter_status(out, "integer_datetimes", "on");
    encode_parameter_status(out, "server_version", server_version);
    encode_ready_for_query(out, 'I');
}

}  // namespace

PostgresBackend::PostgresBackend(Options options, log::Log log)
    : options_(std::move(options)), log_(std::move(log)) {}

Bytes& PostgresBackend::out() { return framed_->out(); }

net::Awaitable<void> PostgresBackend::run(std::unique_ptr<net::SocketStream> socket,
                                          Handler& handler) {
    // Cancellation is looked at between messages, so that the peer can still be told.
    co_await this_coro::throw_if_cancelled(false);
    ServerHandshakeOptions handshake = options_.handshake;
    handshake.deadline = std::min(handshake.deadline, after(options_.login_timeout));
    auto opening = co_await server_handshake(std::move(socket), std::move(handshake));
    if (!opening) {
        log_failure(opening.error());
        co_return;
    }
    if (!*opening) {
        log_.debug("connection closed without a request");
        co_return;
    }
    if (!std::holds_alternative<StartupMessage>((*opening)->request)) {
        log_.debug("cancel request ignored");
        co_return;
    }
    framed_ = std::make_unique<FramedStream>(
        std::move((*opening)->stream), std::move((*opening)->received), token_bytes_max);
    const auto message = std::get<StartupMessage>(std::move((*opening)->request));
    const bool entered = co_await authenticate(handler, message);
    if (entered) co_await serve(handler);
    framed_.reset();
}

net::Awaitable<bool> PostgresBackend::authenticate(Handler& handler,
                                                   const StartupMessage& message) {
    if (const auto negotiation = negotiate(message, protocol_minor_max)) {
        encode_negotiate_protocol_version(out(), *negotiation);
    }
    auto refusal = handler.startup(message);
    if (!refusal && options_.authentication == Authentication::jwt) {
        encode_authentication_cleartext(out());
        auto token = co_await receive_token();
        if (!token && is_timeout(token.error().code)) {
            log_failure(token.error());
            co_await send_last(ErrorFields::fatal(sqlstate::query_canceled,
                                                  "canceling authentication due to timeout"));
            co_return false;
        }
        if (!token) {
            co_await end(std::move(token).error());
            co_return false;
        }
        refusal = handler.check_token(token->reveal());
    }
    if (refusal) {
        refusal->severity = "FATAL";
        log_.info("login refused", {{"sqlstate", refusal->code}, {"reason", refusal->message}});
        co_await send_last(std::move(*refusal));
        co_return false;
    }
    encode_login(out(), options_.server_version);
    auto sent = co_await framed_->flush();
    if (!sent) log_failure(sent.error());
    co_return sent.has_value();
}

net::Awaitable<Result<Secret>> PostgresBackend::receive_token() {
    auto sent = co_await framed_->flush();
    if (!sent) co_return std::move(sent).error();
    auto frame = co_await framed_->read_message();
    if (!frame) co_return std::move(frame).error();
    if (!*frame) co_return Error(ErrorKind::client_disconnect, "closed at the login", eof_error());
    if ((*frame)->tag != 'p') {
        co_return protocol_error(Errc::unexpected_message, "expected password response");
    }
    auto token = parse_password((*frame)->body);
    if (!token) co_return std::move(token).error();
    co_return Secret(std::string(*token));
}

net::Awaitable<void> PostgresBackend::serve(Handler& handler) {
    framed_->decoder().set_body_bytes_max(options_.query_bytes_max);
    for (;;) {
        const auto cancellation = co_await this_coro::cancellation_state;
        if (cancellation.cancelled() != boost::asio::cancellation_type::none) {
            co_await shut_down();
            co_return;
        }
        framed_->stream().set_deadline(after(options_.idle_timeout));
        auto frame = co_await framed_->read_message();
        framed_->stream().set_deadline(no_deadline);
        if (!frame) {
            co_await end(std::move(frame).error());
            co_return;
        }
        if (!*frame) {
            log_.info("connection closed by the peer");
            co_return;
        }
        const Frame message = **frame;
        const bool more = co_await answer(handler, message);
        if (!more) co_return;
    }
}

net::Awaitable<bool> PostgresBackend::answer(Handler& handler, Frame message) {
    if (message.tag == 'X') {
        log_.info("connection closed by the peer");
        co_return false;
    }
    if (message.tag == 'Q') {
        auto query = parse_query(message.body);
        if (!query) {
            co_await end(std::move(query).error());
            co_return false;
        }
        std::string text(*query);
        co_await answer_query(handler, std::move(text));
    } else if (!answer_other(message.tag)) {
        log_.error("protocol violation", {{"reason", unexpected_type(message.tag).message}});
        co_await send_last(unexpected_type(message.tag));
        co_return false;
    }
    framed_->stream().set_deadline(after(options_.send_timeout));
    auto sent = co_await framed_->flush();
    if (!sent) log_failure(sent.error());
    co_return sent.has_value();
}

net::Awaitable<void> PostgresBackend::answer_query(Handler& handler, std::string query) {
    skip_to_sync_ = false;
    if (is_empty_query(query)) {
        encode_empty_query_response(out());
        encode_ready_for_query(out(), 'I');
        co_return;
    }
    std::optional<ErrorFields> failure;
    try {
        failure = co_await handler.process_query(*this, std::move(query));
    } catch (const std::exception& exception) {
        log_.error("query handler failed", {{"reason", exception.what()}});
        failure = ErrorFields::error(sqlstate::internal_error, "internal error");
    }
    if (failure) {
        // An answer, whatever its SQLSTATE: a handler that found a bug has logged it itself.
        log_.info("query refused", {{"sqlstate", failure->code}, {"reason", failure->message}});
        encode_error_response(out(), *failure);
    }
    encode_ready_for_query(out(), 'I');
}

// Everything but Query and Terminate; false for what does not belong here. After an error in the
// extended protocol everything up to Sync is skipped, as the protocol demands.
bool PostgresBackend::answer_other(char tag) {
    switch (tag) {
    case 'S':
        skip_to_sync_ = false;
        encode_ready_for_query(out(), 'I');
        return true;
    case 'P':
    case 'B':
    case 'D':
    case 'E':
    case 'C':
        if (!skip_to_sync_) encode_error_response(out(), unsupported_message(tag));
        skip_to_sync_ = true;
        return true;
    case 'F':
        if (skip_to_sync_) return true;
        encode_error_response(out(), unsupported_message(tag));
        encode_ready_for_query(out(), 'I');
        return true;
    // Flush needs nothing, every answer is flushed. Copy messages are what a peer may still send
    // when its COPY has failed.
    case 'H':
    case 'd':
    case 'c':
    case 'f': return true;
    default: return false;
    }
}

// Tells the peer why, unless it is gone.
net::Awaitable<void> PostgresBackend::end(Error error) {
    if (error.code == boost::system::errc::operation_canceled) {
        co_await shut_down();
        co_return;
    }
    log_failure(error);
    if (is_timeout(error.code)) {
        co_await send_last(ErrorFields::fatal(
            sqlstate::idle_session_timeout, "terminating connection due to idle-session timeout"));
    } else if (!is_disconnect(error.code)) {
        co_await send_last(ErrorFields::fatal(sqlstate::protocol_violation, error.code.message()));
    }
}

net::Awaitable<void> PostgresBackend::shut_down() {
    co_await this_coro::reset_cancellation_state(boost::asio::enable_total_cancellation());
    log_.info("session ended by shutdown");
    co_await send_last(ErrorFields::fatal(sqlstate::admin_shutdown,
                                          "terminating connection due to administrator command"));
}

net::Awaitable<void> PostgresBackend::send_last(ErrorFields fields) {
    // What was answered before goes first.
    framed_->stream().set_deadline(after(farewell_time));
    auto sent = co_await framed_->flush();
    if (sent) co_await send_error_and_close(framed_->stream(), std::move(fields));
}

// One line for the end of a connection: how loud depends on who is to blame.
void PostgresBackend::log_failure(const Error& error) const {
    if (!is_violation(error.code)) {
        log_.info("connection lost", {{"reason", error.message()}});
    } else {
        log_.error("protocol violation", {{"reason", error.message()}});
    }
}

}  // namespace sluice::pg
