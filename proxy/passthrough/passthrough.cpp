#include "proxy/passthrough/passthrough.hpp"

#include <array>

#include "backend/protocol/backend.hpp"
#include "backend/protocol/frontend.hpp"
#include "common/net/race.hpp"

namespace sluice::proxy {

namespace {

// What an idle direction keeps for the next bytes. Most queries and answers fit, so that one
// read and one write carry them; a full one means bulk, which goes through `bulk_buffer`.
constexpr std::size_t waiting_bytes = 1024;
constexpr std::size_t bulk_bytes = 64U << 10U;
// Then other sessions of the thread get their turn.
constexpr int bulk_rounds = 16;
constexpr std::uint64_t report_every = 1U << 20U;

// One a thread: used between two suspensions only.
ByteSpan bulk_buffer() {
    thread_local const std::unique_ptr<std::array<std::uint8_t, bulk_bytes>> buffer =
        std::make_unique<std::array<std::uint8_t, bulk_bytes>>();
    return *buffer;
}

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

Passthrough::Passthrough(net::ByteStream& client, net::ByteStream& compute, ProxyMetrics& metrics)
    : to_compute_{client, compute, SessionEnd::client_closed, SessionEnd::client_lost,
                  SessionEnd::compute_lost},
      to_client_{compute, client, SessionEnd::compute_closed, SessionEnd::compute_lost,
                 SessionEnd::client_lost},
      metrics_(metrics) {
    to_client_.to_client = true;
}

void Passthrough::begin_with_login(LoginRelay relay, std::function<void()> on_login) {
    login_ = std::make_unique<Login>(Login{std::move(relay), std::move(on_login), {}});
}

void Passthrough::begin_established() {
    Bytes ready;
    pg::encode_ready_for_query(ready, 'I');
    tracker_.on_compute(ready);
}

net::Awaitable<SessionSummary> Passthrough::run(Bytes from_client, Bytes from_compute) {
    co_await net::both(pump(to_compute_, std::move(from_client)),
                       pump(to_client_, std::move(from_compute)));
    report_bytes(to_compute_);
    report_bytes(to_client_);
    summary_->bytes_to_client = to_client_.bytes;
    summary_->bytes_to_compute = to_compute_.bytes;
    co_return std::move(*summary_);
}

// One direction, from its first bytes to telling the other side that there are no more.
net::Awaitable<bool> Passthrough::pump(Direction& direction, Bytes received) {
    bool at_end = true;
    ByteView first = received;
    if (!first.empty()) at_end = inspect(direction, first);
    if (at_end && !first.empty()) at_end = co_await finish_write(direction, first);
    received = Bytes();
    if (at_end) at_end = co_await copy_until_end(direction);
    direction.done = true;
    // What is left to say in the other direction, if anything, must come soon.
    Direction& other = direction.to_client ? to_compute_ : to_client_;
    if (!other.done) other.from.set_deadline(half_close_deadline());
    if (at_end) co_await direction.to.shutdown_send();
    co_return true;
}

// True at the end of the stream, false when a side failed (both are closed then).
net::Awaitable<bool> Passthrough::copy_until_end(Direction& direction) {
    std::array<std::uint8_t, waiting_bytes> waiting;
    for (;;) {
        const auto got = co_await direction.from.read_some(waiting);
        if (!got && said_goodbye_) co_return true;
        if (!got) {
            fail(direction.lost, got.error());
            co_return false;
        }
        if (*got == 0) {
            ends(direction.closed);
            co_return true;
        }
        ByteView chunk = ByteView(waiting).first(*got);
        for (int round = 0; round < bulk_rounds; ++round) {
            const bool is_bulk = chunk.size() == waiting.size() || chunk.size() == bulk_bytes;
            if (is_bulk && chunk.data() == waiting.data()) {
                const ByteSpan bulk = bulk_buffer();
                std::copy(chunk.begin(), chunk.end(), bulk.begin());
                const auto more = direction.from.try_read(bulk.subspan(chunk.size()));
                chunk = bulk.first(chunk.size() + more.count);
            }
            const std::size_t size = chunk.size();
            if (!inspect(direction, chunk)) co_return false;
            const ByteView unsent = send(direction, chunk);
            if (!unsent.empty()) {
                const bool sent = co_await finish_write(direction, unsent);
                if (!sent) co_return false;
            }
            if (draining_) end_if_idle();
            if (size != bulk_bytes) break;
            const auto more = direction.from.try_read(bulk_buffer());
            if (more.count == 0) break;  // nothing yet, the end or a failure: read_some tells
            chunk = bulk_buffer().first(more.count);
        }
    }
}

// Sends what the other side takes without waiting and returns the rest.
ByteView Passthrough::send(Direction& direction, ByteView chunk) {
    count(direction, chunk.size());
    while (!chunk.empty()) {
        const auto attempt = direction.to.try_write(chunk);
        if (attempt.status != net::ByteStream::Attempt::Status::done) break;
        chunk = chunk.subspan(attempt.count);
    }
    return chunk;
}

// The other side does not take bytes as fast as they come (or failed: write_all tells).
net::Awaitable<bool> Passthrough::finish_write(Direction& direction, ByteView unsent) {
    const Bytes kept(unsent.begin(), unsent.end());
    direction.writing = true;
    const auto written = co_await direction.to.write_all(kept);
    direction.writing = false;
    if (!written) {
        fail(direction.to_lost, written.error());
        co_return false;
    }
    co_return true;
}

bool Passthrough::inspect(Direction& direction, ByteView& chunk) {
    if (to_client_.done || to_compute_.done) {
        direction.from.set_deadline(half_close_deadline());
    }
    if (!direction.to_client) {
        tracker_.on_client(chunk);
        return true;
    }
    tracker_.on_compute(chunk);
    finished_login_.reset();
    if (!login_) return true;
    return relay_login(direction, chunk);
}

bool Passthrough::relay_login(Direction& direction, ByteView& chunk) {
    login_->out.clear();
    const auto relayed = login_->relay.feed(chunk, login_->out);
    if (!relayed) {
        fail(SessionEnd::compute_lost, relayed.error());
        return false;
    }
    if (!login_->relay.done()) {
        chunk = login_->out;
        return true;
    }
    direction.from.set_deadline(no_deadline);
    direction.to.set_deadline(no_deadline);
    login_->on_done();
    finished_login_ = std::move(login_);
    chunk = finished_login_->out;
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

Deadline Passthrough::half_close_deadline() const {
    constexpr std::chrono::seconds after_goodbye{2};
    return std::chrono::steady_clock::now() + (said_goodbye_ ? after_goodbye : half_close_timeout);
}

void Passthrough::ends(SessionEnd end, std::string detail) {
    if (summary_) return;
    summary_.emplace();
    summary_->end = end;
    summary_->detail = std::move(detail);
}

void Passthrough::fail(SessionEnd end, const Error& error) {
    if (is_timeout(error.code) && login_) {
        end = SessionEnd::login_timeout;
    } else if (is_timeout(error.code) && (to_client_.done || to_compute_.done) && !said_goodbye_) {
        summary_.reset();
        end = SessionEnd::half_close_timeout;
    }
    client_left_ = !to_client_.done && (end == SessionEnd::client_lost || to_compute_.done);
    ends(end, error.message());
    to_client_.to.close();
    to_compute_.to.close();
}

void Passthrough::drain() {
    draining_ = true;
    end_if_idle();
}

void Passthrough::end_if_idle() {
    if (!tracker_.idle() || to_client_.writing || summary_) return;
    say_goodbye();
    // The compute's direction ends now and shuts the client's stream down behind our message.
    to_client_.from.close();
}

void Passthrough::terminate() {
    if (!summary_ && tracker_.at_compute_boundary() && !to_client_.writing) say_goodbye();
    ends(SessionEnd::terminated);
    to_client_.to.close();
    to_compute_.to.close();
}

void Passthrough::say_goodbye() {
    ends(SessionEnd::terminated);
    said_goodbye_ = true;
    Bytes message;
    pg::encode_error_response(
        message, pg::ErrorFields::fatal(pg::sqlstate::admin_shutdown,
                                        "terminating connection due to administrator command"));
    to_client_.to.try_write(message);
    Bytes terminate;
    pg::encode_terminate(terminate);
    to_compute_.to.try_write(terminate);
}

}  // namespace sluice::proxy
