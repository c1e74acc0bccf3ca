#include "backend/server/postgres_backend.hpp"

#include "backend/protocol/frontend.hpp"
#include "common/net/cancelled.hpp"

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

Error unexpected_type(char tag) {
    return protocol_error(
        Errc::unexpected_message,
        "invalid frontend message type " + std::to_string(static_cast<unsigned char>(tag)));
}

ConnectionError silence() {
    return ConnectionError(Error(ErrorKind::client_disconnect, "", eof_error()));
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
    SLUICE_ASSERT(encode_parameter_status(out, "server_version", server_version));
    encode_ready_for_query(out, 'I');
}

}  // namespace

PostgresBackend::PostgresBackend(Options options, log::Log log)
    : options_(std::move(options)), log_(std::move(log)) {}

Bytes& PostgresBackend::out() { return framed_->out(); }

bool PostgresBackend::encrypted() const { return framed_ && framed_->stream().encrypted(); }

void PostgresBackend::row_description(std::span<const Column> columns) {
    SLUICE_ASSERT(encode_row_description(out(), columns));
}

net::Awaitable<Result<void>> PostgresBackend::flush() {
    framed_->stream().set_deadline(after(options_.send_timeout));
    co_return co_await framed_->flush();
}

// The wait ends as if its deadline had passed; end() knows better.
void PostgresBackend::stop() {
    stopping_ = true;
    if (waiting_) framed_->stream().set_deadline(std::chrono::steady_clock::now());
}

net::Awaitable<void> PostgresBackend::run(std::unique_ptr<net::SocketStream> socket,
                                          Handler& handler) {
    // Cancellation is looked at between messages, so that the peer can still be told.
    co_await this_coro::throw_if_cancelled(false);
    bool more = co_await open(std::move(socket));
    if (more) more = co_await authenticate(handler);
    if (more) co_await serve(handler);
    state_ = State::closed;
    framed_.reset();
}

net::Awaitable<bool> PostgresBackend::open(std::unique_ptr<net::SocketStream> socket) {
    ServerHandshakeOptions handshake = options_.handshake;
    handshake.deadline = std::min(handshake.deadline, after(options_.login_timeout));
    handshake.on_tls = [this] { state_ = State::encrypted; };
    auto opening = co_await server_handshake(std::move(socket), std::move(handshake));
    if (!opening) {
        write(log_, report(ConnectionError(std::move(opening).error()), Stage::handshake));
        co_return false;
    }
    if (!*opening) {
        write(log_, report(silence(), Stage::probe));
        co_return false;
    }
    if (!std::holds_alternative<StartupMessage>((*opening)->request)) {
        log_.debug("cancel request ignored");
        co_return false;
    }
    framed_ = std::make_unique<FramedStream>(
        std::move((*opening)->stream), std::move((*opening)->received), token_bytes_max);
    startup_ = std::get<StartupMessage>(std::move((*opening)->request));
    server_name_ = std::move((*opening)->server_name);
    co_return true;
}

net::Awaitable<bool> PostgresBackend::authenticate(Handler& handler) {
    state_ = State::authentication;
    if (const auto negotiation = negotiate(startup_, protocol_minor_max)) {
        encode_negotiate_protocol_version(out(), *negotiation);
    }
    auto failure = co_await check_client(handler);
    if (failure) {
        co_await end(std::move(*failure));
        co_return false;
    }
    encode_login(out(), options_.server_version);
    auto sent = co_await framed_->flush();
    if (!sent) co_await end(std::move(sent).error(), Stage::busy);
    co_return sent.has_value();
}

net::Awaitable<std::optional<ErrorReport>> PostgresBackend::check_client(Handler& handler) {
    auto refusal = handler.startup(startup_);
    if (refusal) co_return report_refused_login(std::move(*refusal));
    switch (options_.authentication) {
    case Authentication::trust: break;
    case Authentication::jwt: co_return co_await check_token(handler);
    case Authentication::password: co_return co_await check_password_of(handler);
    }
    co_return std::nullopt;
}

net::Awaitable<std::optional<ErrorReport>> PostgresBackend::check_token(Handler& handler) {
    waiting_ = true;
    auto token = co_await ask_cleartext(*framed_);
    waiting_ = false;
    if (!token) co_return report_failed_login(std::move(token).error());
    auto refusal = handler.check_token(token->reveal());
    if (refusal) co_return report_refused_login(std::move(*refusal));
    co_return std::nullopt;
}

net::Awaitable<std::optional<ErrorReport>> PostgresBackend::check_password_of(Handler& handler) {
    const auto check = co_await handler.check_auth(startup_);
    if (!check) co_return report_refused_login(check.error());
    waiting_ = true;
    auto outcome = co_await check_password(*framed_, *check);
    waiting_ = false;
    if (!outcome) co_return report_failed_login(std::move(outcome).error());
    co_return std::nullopt;
}

// A code says that the dialogue broke; without one the password is not right.
ErrorReport PostgresBackend::report_failed_login(AuthFailure failure) const {
    ErrorReport result;
    if (failure.error.code) {
        result = judge(failure.error, Stage::login);
        if (result.tell && is_violation(failure.error.code)) result.tell = std::move(failure.tell);
    } else {
        result = report_refused_login(std::move(*failure.tell));
        result.reason = failure.error.message();
    }
    return result;
}

net::Awaitable<void> PostgresBackend::serve(Handler& handler) {
    state_ = State::established;
    framed_->decoder().set_body_bytes_max(options_.query_bytes_max);
    for (;;) {
        const bool more = co_await serve_one(handler);
        if (!more) co_return;
    }
}

net::Awaitable<bool> PostgresBackend::serve_one(Handler& handler) {
    const auto cancellation = co_await this_coro::cancellation_state;
    if (stopping_ || net::is_cancelled(cancellation)) {
        co_await end(report(QueryError::shutdown()));
        co_return false;
    }
    framed_->stream().set_deadline(after(options_.idle_timeout));
    waiting_ = true;
    auto frame = co_await framed_->read_message();
    waiting_ = false;
    if (!frame) {
        co_await end(std::move(frame).error(), Stage::idle);
        co_return false;
    }
    if (!*frame || (*frame)->tag == 'X') {
        log_.info("connection closed by the peer");
        co_await say_goodbye();
        co_return false;
    }
    const Frame message = **frame;
    co_return co_await answer(handler, message);
}

net::Awaitable<bool> PostgresBackend::answer(Handler& handler, Frame message) {
    if (message.tag == 'Q') {
        const bool more = co_await answer_query(handler, message);
        if (!more) co_return false;
    } else if (!answer_other(message.tag)) {
        co_await end(unexpected_type(message.tag), Stage::busy);
        co_return false;
    }
    auto sent = co_await flush();
    if (!sent) co_await end(std::move(sent).error(), Stage::busy);
    co_return sent.has_value();
}

net::Awaitable<bool> PostgresBackend::answer_query(Handler& handler, Frame message) {
    if (skip_to_sync_) co_return true;
    auto query = parse_query(message.body);
    if (!query) {
        co_await end(std::move(query).error(), Stage::busy);
        co_return false;
    }
    std::string text(*query);
    if (is_empty_query(text)) {
        encode_empty_query_response(out());
    } else {
        auto outcome = co_await process(handler, std::move(text));
        const bool more = co_await conclude(outcome);
        if (!more) co_return false;
    }
    encode_ready_for_query(out(), 'I');
    co_return true;
}

net::Awaitable<QueryOutcome> PostgresBackend::process(Handler& handler, std::string query) {
    try {
        co_return co_await handler.process_query(*this, std::move(query));
    } catch (const std::exception& exception) {
        co_return QueryError::internal(exception.what());
    }
}

net::Awaitable<bool> PostgresBackend::conclude(const QueryOutcome& outcome) {
    if (outcome) co_return true;
    const auto failure = report(outcome.error());
    if (failure.ends_session) {
        co_await end(failure);
        co_return false;
    }
    write(log_, failure);
    encode_error_response(out(), *failure.tell);
    co_return true;
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

ErrorReport PostgresBackend::judge(Error error, Stage stage) const {
    if (stopping_ && is_timeout(error.code)) return report(QueryError::shutdown());
    return report(ConnectionError(std::move(error)), stage);
}

net::Awaitable<void> PostgresBackend::end(Error error, Stage stage) {
    return end(judge(std::move(error), stage));
}

net::Awaitable<void> PostgresBackend::end(ErrorReport report) {
    write(log_, report);
    co_await say_goodbye(std::move(report.tell));
}

// A peer that is gone already does not matter.
net::Awaitable<void> PostgresBackend::say_goodbye(std::optional<ErrorFields> fields) {
    co_await this_coro::reset_cancellation_state(boost::asio::enable_total_cancellation());
    framed_->stream().set_deadline(after(farewell_time));
    auto sent = co_await framed_->flush();
    if (!sent) co_return;
    if (fields) {
        co_await send_error_and_close(framed_->stream(), std::move(*fields));
    } else {
        auto ignored = co_await framed_->stream().shutdown_send();
        static_cast<void>(ignored);
    }
}

}  // namespace sluice::pg
