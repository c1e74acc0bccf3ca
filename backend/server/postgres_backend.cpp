#include "backend/server/postgres_backend.hpp"

#include "backend/protocol/frontend.hpp"
#include "backend/server/farewell.hpp"
#include "common/base/exception_text.hpp"
#include "common/net/cancelled.hpp"
#include "common/net/race.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <utility>

namespace sluice::pg {

namespace {

namespace this_coro = boost::asio::this_coro;

// Answers are sent when this much waits, whatever else there is to answer.
constexpr std::size_t answer_bytes_max = 64U << 10U;

Deadline after(std::chrono::milliseconds time) { return std::chrono::steady_clock::now() + time; }

Deadline after(const std::optional<std::chrono::milliseconds>& time) {
    return time ? after(*time) : no_deadline;
}

Error unexpected_type(char tag) {
    return protocol_error(
        Errc::unexpected_message,
        "invalid frontend message type " + std::to_string(static_cast<unsigned char>(tag)));
}

ConnectionError silence() {
    return ConnectionError(Error(ErrorKind::client_disconnect, "", eof_error()));
}

QueryError no_function_calls() {
    return QueryError(
        ErrorFields::error(sqlstate::feature_not_supported, "function calls are not supported"));
}

// Clients of protocols before 3.2 take keys of four bytes only.
ByteView key_for(const BackendKey& key, std::uint16_t minor) {
    return minor < 2 ? ByteView(key.key).first(cancel_key_bytes_min) : ByteView(key.key);
}

void encode_login(Bytes& out, const PostgresBackend::Options& options, std::uint16_t minor) {
    encode_authentication_ok(out);
    for (const auto& [name, value] : options.parameters) {
        SLUICE_ASSERT(encode_parameter_status(out, name, value));
    }
    SLUICE_ASSERT(encode_parameter_status(out, "server_version", options.server_version));
    if (options.key) {
        const ByteView key = key_for(*options.key, minor);
        SLUICE_ASSERT(encode_backend_key_data(out, options.key->pid, key));
    }
    encode_ready_for_query(out, 'I');
}

net::Awaitable<bool> wait_for(boost::asio::steady_timer& timer) {
    co_await this_coro::throw_if_cancelled(false);
    co_await timer.async_wait(net::use_result);
    co_return true;
}

}  // namespace

PostgresBackend::PostgresBackend(Options options, log::Log log)
    : options_(std::move(options)),
      log_(std::move(log)),
      extended_({options_.statements_max, options_.limits.message_bytes_max}) {}

Bytes& PostgresBackend::out() { return framed_->out(); }

bool PostgresBackend::encrypted() const { return framed_ && framed_->stream().encrypted(); }

void PostgresBackend::row_description(std::span<const Column> columns) {
    if (!in_extended_) SLUICE_ASSERT(encode_row_description(out(), columns));
}

net::Awaitable<Result<void>> PostgresBackend::flush() {
    return framed_->flush_beyond(answer_bytes_max);
}

// The wait ends as if its deadline had passed; end() knows better.
void PostgresBackend::stop() {
    stopping_ = true;
    const Deadline now = std::chrono::steady_clock::now();
    if (opening_ != nullptr) opening_->set_deadline(now);
    if (login_timer_ != nullptr) login_timer_->expires_at(now);
    if (waiting_) framed_->stream().set_deadline(now);
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
    login_deadline_ = std::min(options_.handshake.deadline, after(options_.login_timeout));
    auto opening = co_await shake_hands(std::move(socket));
    if (!opening) co_return false;
    if (!*opening) {
        write(log_, report(silence(), Stage::probe));
        co_return false;
    }
    if (!std::holds_alternative<StartupMessage>((*opening)->request)) {
        log_.debug("cancel request ignored");
        co_return false;
    }
    const net::MonitoredStream::Options limits{options_.receive_timeout, options_.send_timeout};
    auto stream =
        std::make_unique<net::MonitoredStream>(std::move((*opening)->stream), counters_, limits);
    stream->set_deadline(login_deadline_);
    framed_ =
        std::make_unique<FramedStream>(std::move(stream),
                                       std::move((*opening)->received),
                                       body_bytes_max(options_.limits, Phase::authentication));
    startup_ = std::get<StartupMessage>(std::move((*opening)->request));
    server_name_ = std::move((*opening)->server_name);
    co_return true;
}

// What failed is in the log.
net::Awaitable<Result<std::optional<Opening>>> PostgresBackend::shake_hands(
    std::unique_ptr<net::SocketStream> socket) {
    ServerHandshakeOptions handshake = options_.handshake;
    handshake.deadline = stopping_ ? std::chrono::steady_clock::now() : login_deadline_;
    handshake.on_tls = [this] {
        state_ = State::encrypted;
        if (options_.handshake.on_tls) options_.handshake.on_tls();
    };
    bool told = false;
    handshake.last_words = [this, &told](const Error& error) {
        auto fields = judge(error, Stage::handshake).tell;
        told = fields.has_value();
        return fields;
    };
    opening_ = socket.get();
    auto opening = co_await server_handshake(std::move(socket), std::move(handshake));
    opening_ = nullptr;
    if (!opening) {
        ErrorReport failure = judge(opening.error(), Stage::handshake);
        // Of violations the handshake itself has told what there is to tell.
        if (!told && !find_errc(opening.error().code)) failure.tell.reset();
        write(log_, failure);
    }
    co_return opening;
}

net::Awaitable<bool> PostgresBackend::authenticate(Handler& handler) {
    state_ = State::authentication;
    if (const auto negotiation = negotiate(startup_, protocol_minor_max)) {
        encode_negotiate_protocol_version(out(), *negotiation);
    }
    waiting_ = true;
    auto failure = co_await check_client_in_time(handler);
    waiting_ = false;
    if (failure) {
        co_await end(std::move(*failure));
        co_return false;
    }
    encode_login(out(), options_, startup_.version.minor);
    auto sent = co_await framed_->flush();
    if (!sent) co_await end(std::move(sent).error(), Stage::busy);
    co_return sent.has_value();
}

// The handler and the pool for passwords know no deadline of the stream.
net::Awaitable<std::optional<ErrorReport>> PostgresBackend::check_client_in_time(Handler& handler) {
    const auto executor = co_await this_coro::executor;
    boost::asio::steady_timer timer(executor, login_deadline_);
    login_timer_ = &timer;
    if (stopping_) stop();  // was called during the handshake
    auto checking = check_client(handler);
    auto waiting = wait_for(timer);
    auto first = co_await net::race(std::move(checking), std::move(waiting));
    login_timer_ = nullptr;
    if (auto* checked = std::get_if<0>(&first)) co_return std::move(*checked);
    const auto cancellation = co_await this_coro::cancellation_state;
    const auto code = net::is_cancelled(cancellation) ? boost::asio::error::operation_aborted
                                                      : boost::asio::error::timed_out;
    co_return judge(Error(ErrorKind::limit, "", code), Stage::login);
}

// The peer gets an answer whatever the handler does.
net::Awaitable<std::optional<ErrorReport>> PostgresBackend::check_client(Handler& handler) {
    try {
        co_return co_await ask_client(handler);
    } catch (...) {
        co_return report_unchecked_login(current_exception_text());
    }
}

net::Awaitable<std::optional<ErrorReport>> PostgresBackend::ask_client(Handler& handler) {
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
    auto token = co_await ask_cleartext(*framed_);
    if (!token) co_return report_failed_login(std::move(token).error());
    auto refusal = handler.check_token(token->reveal());
    if (refusal) co_return report_refused_login(std::move(*refusal));
    co_return std::nullopt;
}

net::Awaitable<std::optional<ErrorReport>> PostgresBackend::check_password_of(Handler& handler) {
    const auto check = co_await handler.check_auth(startup_);
    // A handler that was cancelled may give anything; it is too late to ask for a password.
    const auto cancellation = co_await this_coro::cancellation_state;
    if (net::is_cancelled(cancellation)) {
        co_return judge(Error(ErrorKind::limit, "", boost::asio::error::operation_aborted),
                        Stage::login);
    }
    if (!check) co_return report_refused_login(check.error());
    auto outcome = co_await check_password(*framed_, *check);
    if (!outcome) co_return report_failed_login(std::move(outcome).error());
    co_return std::nullopt;
}

ErrorReport PostgresBackend::report_failed_login(AuthFailure failure) const {
    switch (failure.kind) {
    case AuthFailure::Kind::unavailable:
        return report_unchecked_login(failure.error.message(), std::move(failure.tell->message));
    case AuthFailure::Kind::refused: {
        ErrorReport result = report_refused_login(std::move(*failure.tell));
        result.reason = failure.error.message();
        return result;
    }
    case AuthFailure::Kind::broken: break;
    }
    ErrorReport result = judge(failure.error, Stage::login);
    if (result.tell && is_violation(failure.error.code)) result.tell = std::move(failure.tell);
    return result;
}

net::Awaitable<void> PostgresBackend::serve(Handler& handler) {
    state_ = State::established;
    limit_messages(Phase::established);
    for (;;) {
        const bool more = co_await serve_one(handler);
        if (!more) co_return;
    }
}

void PostgresBackend::limit_messages(Phase phase) {
    const std::size_t limit = body_bytes_max(options_.limits, phase);
    // What a client still sends when its COPY has failed is not too long all of a sudden.
    const std::size_t copy_data_limit = std::max(limit, options_.limits.copy_bytes_max);
    framed_->decoder().set_body_bytes_max(limit, copy_data_limit);
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
    framed_->stream().set_deadline(no_deadline);
    if (!frame) {
        co_await end(std::move(frame).error(), Stage::idle);
        co_return false;
    }
    if (!*frame || (*frame)->tag == 'X') {
        log_.info("connection closed by the peer");
        co_await hang_up(*framed_);
        co_return false;
    }
    const Frame message = **frame;
    co_return co_await answer(handler, message);
}

net::Awaitable<bool> PostgresBackend::answer(Handler& handler, Frame message) {
    bool more = true;
    switch (message.tag) {
    case 'Q': more = co_await answer_query(handler, message); break;
    case 'P':
    case 'B':
    case 'D':
    case 'E':
    case 'C': {
        auto step = extended_.take(message, out(), handler);
        const bool answered = step && std::holds_alternative<ExtendedQuery::Answered>(*step);
        if (!answered) more = co_await finish(handler, std::move(step));
        break;
    }
    default: {
        auto answered = answer_other(message);
        if (!answered) co_await end(std::move(answered).error(), Stage::busy);
        more = answered.has_value();
    }
    }
    if (more && !send_at_once(message.tag)) more = co_await send_answers();
    co_return more;
}

void PostgresBackend::ready_for_query() {
    encode_ready_for_query(out(), 'I');
    due_ = true;
}

// As PostgreSQL does it: the answers to what came together leave together, up to ReadyForQuery. Whoever
// reads that must not wait for the next query to be run.
bool PostgresBackend::send_at_once(char tag) {
    const bool due = std::exchange(due_, false) || tag == 'H';
    if (!due && framed_->has_message() && framed_->unsent() <= answer_bytes_max) return true;
    return framed_->try_flush();
}

net::Awaitable<bool> PostgresBackend::send_answers() {
    auto sent = co_await framed_->flush();
    if (!sent) co_await end(std::move(sent).error(), Stage::busy);
    co_return sent.has_value();
}

net::Awaitable<bool> PostgresBackend::answer_query(Handler& handler, Frame message) {
    if (extended_.skipping()) co_return true;
    auto query = parse_query(message.body);
    if (!query) {
        co_await end(std::move(query).error(), Stage::busy);
        co_return false;
    }
    extended_.on_simple_query();
    std::string text(*query);
    bool more = true;
    if (is_empty_query(text)) {
        encode_empty_query_response(out());
    } else {
        more = co_await run_query(handler, std::move(text));
    }
    if (more) ready_for_query();
    co_return more;
}

net::Awaitable<bool> PostgresBackend::finish(Handler& handler, Result<ExtendedQuery::Step> step) {
    if (!step) {
        co_await end(std::move(step).error(), Stage::busy);
        co_return false;
    }
    bool more = true;
    if (auto* failure = std::get_if<QueryError>(&*step)) {
        const QueryOutcome failed = std::move(*failure);
        more = co_await conclude(failed);
    } else if (auto* run = std::get_if<ExtendedQuery::Run>(&*step)) {
        in_extended_ = true;
        more = co_await run_query(handler, std::move(run->query));
        in_extended_ = false;
    }
    co_return more;
}

Result<void> PostgresBackend::answer_other(const Frame& message) {
    switch (message.tag) {
    case 'S':
        extended_.on_sync();
        ready_for_query();
        return parse_empty(message.body, message.tag);
    case 'H': return parse_empty(message.body, message.tag);
    case 'F':
        if (extended_.skipping()) return {};
        write(log_, report(no_function_calls()));
        encode_error_response(out(), no_function_calls().fields());
        ready_for_query();
        return {};
    // What a peer may still send when its COPY has failed.
    case 'd':
    case 'c':
    case 'f': return {};
    default: return unexpected_type(message.tag);
    }
}

net::Awaitable<bool> PostgresBackend::run_query(Handler& handler, std::string query) {
    QueryOutcome outcome;
    const auto command = find_session_command(query);
    if (command) {
        outcome = extended_.perform(*command, out());
    } else {
        try {
            outcome = co_await handler.process_query(*this, std::move(query));
        } catch (...) {
            outcome = QueryError::internal(current_exception_text());
        }
    }
    waiting_ = false;
    limit_messages(Phase::established);
    if (outcome && !over_) co_return true;
    co_return co_await conclude(outcome);
}

net::Awaitable<bool> PostgresBackend::conclude(const QueryOutcome& outcome) {
    if (over_) co_return false;
    const auto& connection = outcome.error().connection();
    auto failure = connection ? judge(connection->error(), Stage::busy) : report(outcome.error());
    if (failure.ends_session) {
        co_await end(std::move(failure));
        co_return false;
    }
    write(log_, failure);
    encode_error_response(out(), *failure.tell);
    if (in_extended_) extended_.begin_skipping();
    co_return true;
}

net::Awaitable<Expected<void, CopyStreamEnd>> PostgresBackend::enter_copy() {
    auto sent = co_await framed_->flush();
    if (!sent) co_return CopyStreamEnd::disconnected(ConnectionError(std::move(sent).error()));
    if (stopping_) co_return CopyStreamEnd::cancelled();
    limit_messages(Phase::copy);
    waiting_ = true;
    co_return Expected<void, CopyStreamEnd>();
}

net::Awaitable<Expected<CopyReader, CopyStreamEnd>> PostgresBackend::copy_in() {
    encode_copy_in_response(out());
    auto entered = co_await enter_copy();
    if (!entered) co_return std::move(entered).error();
    co_return CopyReader(framed_->reader(), CopyDirection::in);
}

net::Awaitable<Expected<CopyWriter, CopyStreamEnd>> PostgresBackend::copy_out() {
    encode_copy_out_response(out());
    auto entered = co_await enter_copy();
    if (!entered) co_return std::move(entered).error();
    co_return CopyWriter(framed_->writer());
}

net::Awaitable<QueryOutcome> PostgresBackend::copy_both(CopyBothService& service,
                                                        const CopyOptions& options) {
    auto entered = co_await enter_copy();
    if (!entered) co_return query_error(entered.error());
    auto ends = co_await run_copy_both(*framed_, service);
    waiting_ = false;
    const auto& connection = ends.end.connection();
    if (stopping_ && connection && connection->cause() == ConnectionError::Cause::timed_out) {
        ends.end = CopyStreamEnd::cancelled();
    }
    const auto epilogue = co_await conclude_copy_both(*framed_, ends, options, log_);
    over_ = epilogue == CopyEpilogue::closed;
    if (over_) co_return query_error(ends.end);
    if (epilogue == CopyEpilogue::failed && in_extended_) extended_.begin_skipping();
    co_return QueryOutcome();
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
    if (report.tell) {
        co_await say_goodbye(*framed_, std::move(report.tell));
    } else {
        co_await hang_up(*framed_);
    }
}

}  // namespace sluice::pg
