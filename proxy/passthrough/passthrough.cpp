#include "proxy/passthrough/passthrough.hpp"

#include "backend/protocol/frontend.hpp"

namespace sluice::proxy {

namespace {

using Clock = std::chrono::steady_clock;
using Status = net::ByteStream::Attempt::Status;

// Full buffers that one direction may move before other sessions of the thread get their turn.
constexpr int rounds_per_turn = 16;
constexpr std::uint64_t report_every = 1U << 20U;

}  // namespace

std::string_view to_string(SessionEnd end) {
    switch (end) {
    case SessionEnd::client_closed: return "client closed";
    case SessionEnd::compute_closed: return "compute closed";
    case SessionEnd::client_lost: return "client lost";
    case SessionEnd::compute_lost: return "compute lost";
    case SessionEnd::half_close_timeout: return "half-closed too long";
    case SessionEnd::login_timeout: return "login timed out";
    case SessionEnd::terminated: return "terminated";
    }
    return "unknown";
}

Passthrough::Passthrough(std::unique_ptr<net::ByteStream> client,
                         std::unique_ptr<net::ByteStream> compute,
                         ProxyMetrics& metrics,
                         const Options& options)
    : client_(std::move(client)),
      compute_(std::move(compute)),
      metrics_(metrics),
      options_(options),
      to_compute_{*client_,
                  *compute_,
                  SessionEnd::client_closed,
                  SessionEnd::client_lost,
                  SessionEnd::compute_lost,
                  false},
      to_client_{*compute_,
                 *client_,
                 SessionEnd::compute_closed,
                 SessionEnd::compute_lost,
                 SessionEnd::client_lost,
                 true} {}

void Passthrough::expect_login(LoginRelay relay,
                               Deadline deadline,
                               std::function<void()> on_login) {
    login_ = std::make_unique<Login>(Login{std::move(relay), std::move(on_login), {}});
    deadline_ = deadline;
}

void Passthrough::expect_queries() {
    Bytes ready;
    pg::encode_ready_for_query(ready, 'I');
    tracker_.on_compute(ready);
}

void Passthrough::begin_with(Bytes from_client, Bytes from_compute) {
    if (!from_client.empty()) pass(to_compute_, from_client);
    if (!from_compute.empty()) pass(to_client_, from_compute);
}

bool Passthrough::on_ready(Side side, Readiness readiness, ByteSpan buffer) {
    Direction& outgoing = side == Side::client ? to_compute_ : to_client_;
    Direction& incoming = side == Side::client ? to_client_ : to_compute_;
    if (readiness.hangup) outgoing.hung_up = true;
    bool again = false;
    // A side is readable far more often than it blocked a write before.
    if (incoming.interrupted || !incoming.unsent.empty() || (incoming.ended && !incoming.done)) {
        again = advance(incoming, buffer);
    }
    if (!finished()) again = advance(outgoing, buffer) || again;
    return again && !finished();
}

bool Passthrough::advance(Direction& direction, ByteSpan buffer) {
    direction.interrupted = false;
    for (int round = 0; round < rounds_per_turn; ++round) {
        if (direction.done || !flush(direction)) return false;
        const auto attempt = direction.from.try_read(buffer);
        switch (attempt.status) {
        case Status::would_block: return false;
        case Status::failed: fail(direction.lost, attempt.error.message()); return false;
        case Status::end:
            direction.ended = true;
            ends(direction.closed);
            pass_end_on(direction);
            return false;
        case Status::done: break;
        }
        pass(direction, buffer.first(attempt.count));
        if (!attempt.more && !direction.hung_up) return false;
    }
    direction.interrupted = true;
    return true;
}

void Passthrough::pass(Direction& direction, ByteView chunk) {
    // The client's bytes are still taken, so that closing does not reset what it has yet to read.
    if (said_goodbye_) return;
    if (half_closed()) limit_half_close();
    if (!inspect(direction, chunk)) return;
    count(direction, chunk.size());
    while (!chunk.empty()) {
        const auto attempt = direction.to.try_write(chunk);
        if (attempt.status == Status::would_block) break;
        if (attempt.status != Status::done) return write_failed(direction, attempt.error);
        chunk = chunk.subspan(attempt.count);
    }
    append(direction.unsent, chunk);
    if (draining_) end_if_idle();
}

bool Passthrough::flush(Direction& direction) {
    if (!direction.unsent.empty()) {
        const auto attempt = direction.to.try_write(direction.unsent);
        if (attempt.status == Status::would_block) return false;
        if (attempt.status != Status::done) {
            write_failed(direction, attempt.error);
            return false;
        }
        if (half_closed()) limit_half_close();
        if (attempt.count < direction.unsent.size()) {
            direction.unsent.erase(
                direction.unsent.begin(),
                direction.unsent.begin() + static_cast<std::ptrdiff_t>(attempt.count));
            return false;
        }
        direction.unsent = Bytes();
        if (draining_) end_if_idle();
    }
    if (direction.ended) pass_end_on(direction);
    return !direction.ended && !finished();
}

void Passthrough::pass_end_on(Direction& direction) {
    if (direction.done || !direction.unsent.empty()) return;
    const auto attempt = direction.to.try_shutdown_send();
    if (attempt.status == Status::would_block) return limit_half_close();
    // A failure means that the other side has closed as well, which reading it will show.
    direction.done = true;
    if (finished()) {
        close_both();
    } else {
        limit_half_close();
    }
}

void Passthrough::write_failed(Direction& direction, const boost::system::error_code& code) {
    if (direction.to_client) return fail(direction.to_lost, code.message());
    // The compute may have said why it goes, which reading it will show.
    ends(direction.to_lost, code.message());
    direction.unsent = Bytes();
    direction.done = true;
    if (finished()) {
        close_both();
    } else {
        limit_half_close();
    }
}

bool Passthrough::inspect(Direction& direction, ByteView& chunk) {
    if (!direction.to_client) {
        tracker_.on_client(chunk);
        return true;
    }
    tracker_.on_compute(chunk);
    finished_login_.reset();
    return !login_ || relay_login(chunk);
}

bool Passthrough::relay_login(ByteView& chunk) {
    login_->out.clear();
    const auto relayed = login_->relay.feed(chunk, login_->out);
    if (!relayed) {
        tell_client(
            pg::ErrorFields::fatal(pg::sqlstate::connection_failure,
                                   "the server sent a message that is not valid in a login"));
        fail(SessionEnd::compute_lost, relayed.error().message());
        return false;
    }
    chunk = login_->out;
    if (login_->relay.done()) {
        deadline_ = no_deadline;
        login_->on_done();
        finished_login_ = std::move(login_);
    }
    return true;
}

void Passthrough::count(Direction& direction, std::size_t bytes) {
    direction.bytes += bytes;
    if (direction.bytes - direction.reported >= report_every) report_bytes(direction);
}

void Passthrough::report_bytes(Direction& direction) {
    auto& counter = direction.to_client ? metrics_.bytes_to_client : metrics_.bytes_to_compute;
    counter.add(static_cast<double>(direction.bytes - direction.reported));
    direction.reported = direction.bytes;
}

void Passthrough::limit_half_close() {
    if (login_) return;  // that limit is shorter and stays
    deadline_ =
        Clock::now() + (said_goodbye_ ? options_.goodbye_timeout : options_.half_close_timeout);
}

void Passthrough::on_deadline() {
    deadline_ = no_deadline;
    if (login_) {
        tell_client(
            pg::ErrorFields::fatal(pg::sqlstate::query_canceled, "the login took too long"));
        end_.reset();
        return fail(SessionEnd::login_timeout, "");
    }
    if (!said_goodbye_) end_.reset();
    fail(SessionEnd::half_close_timeout, "");
}

void Passthrough::ends(SessionEnd end, std::string detail) {
    if (end_) return;
    end_ = end;
    end_detail_ = std::move(detail);
}

void Passthrough::fail(SessionEnd end, std::string detail) {
    const bool client_gone =
        end == SessionEnd::client_lost || (to_compute_.ended && end != SessionEnd::compute_lost);
    query_abandoned_ = client_gone && !to_client_.done && !tracker_.idle();
    ends(end, std::move(detail));
    close_both();
}

void Passthrough::close_both() {
    to_client_.done = true;
    to_compute_.done = true;
    deadline_ = no_deadline;
    report_bytes(to_client_);
    report_bytes(to_compute_);
    client_->close();
    compute_->close();
}

void Passthrough::tell_client(const pg::ErrorFields& fields) {
    if (!to_client_.unsent.empty()) return;
    Bytes message;
    pg::encode_error_response(message, fields);
    client_->try_write(message);
}

void Passthrough::drain() {
    draining_ = true;
    end_if_idle();
}

void Passthrough::end_if_idle() {
    if (end_ || !tracker_.idle() || !to_client_.unsent.empty() || !to_compute_.unsent.empty())
        return;
    say_goodbye();
    // The compute's direction is over; the client gets the time to read our message and close.
    to_client_.ended = true;
    pass_end_on(to_client_);
}

void Passthrough::terminate() {
    if (finished()) return;
    if (!end_ && tracker_.at_compute_boundary() && to_client_.unsent.empty()) say_goodbye();
    ends(SessionEnd::terminated);
    close_both();
}

void Passthrough::say_goodbye() {
    ends(SessionEnd::terminated);
    said_goodbye_ = true;
    tell_client(pg::ErrorFields::fatal(pg::sqlstate::admin_shutdown,
                                       "terminating connection due to administrator command"));
    Bytes terminate;
    pg::encode_terminate(terminate);
    compute_->try_write(terminate);
}

SessionSummary Passthrough::summary() const {
    SessionSummary summary;
    summary.end = end_.value_or(SessionEnd::terminated);
    summary.bytes_to_client = to_client_.bytes;
    summary.bytes_to_compute = to_compute_.bytes;
    summary.detail = end_detail_;
    summary.query_abandoned = query_abandoned_;
    return summary;
}

}  // namespace sluice::proxy
