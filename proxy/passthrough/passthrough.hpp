#pragma once

#include "backend/protocol/error_fields.hpp"
#include "common/net/byte_stream.hpp"
#include "proxy/metrics.hpp"
#include "proxy/passthrough/login_relay.hpp"
#include "proxy/passthrough/session_tracker.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace sluice::proxy {

// Why a session ended.
enum class SessionEnd {
    client_closed,
    compute_closed,
    client_lost,  // an error on the client's side of the proxy
    compute_lost,
    half_close_timeout,  // one side was done, the other said nothing for too long
    login_timeout,
    terminated,  // by us: drain or deadline
};
std::string_view to_string(SessionEnd end);

struct SessionSummary {
    SessionEnd end = SessionEnd::client_closed;
    std::uint64_t bytes_to_client = 0;
    std::uint64_t bytes_to_compute = 0;
    // What happened on the lost side; empty for orderly ends.
    std::string detail;
    // The client went away while the compute still worked for it.
    bool query_abandoned = false;
};

// Copies bytes both ways between a client and its compute, and never waits: whoever drives it
// (RelayThreads) says when a side became ready. The end of one side's stream is passed on as
// such while the other direction goes on. Looks only at message headers, to know when the session
// may be ended between queries. One thread at a time.
class Passthrough {
public:
    enum class Side { client, compute };
    struct Options {
        // How long one direction may be silent after the other has ended.
        std::chrono::milliseconds half_close_timeout{30'000};
        // How long a client that was told to go may take to close.
        std::chrono::milliseconds goodbye_timeout{2'000};
    };

    Passthrough(std::unique_ptr<net::ByteStream> client,
                std::unique_ptr<net::ByteStream> compute,
                ProxyMetrics& metrics,
                const Options& options);

    // The compute has yet to let the client in: its dialogue passes through `relay`, and `on_login`
    // is called when it is over, on the driving thread; `deadline` limits it.
    void expect_login(LoginRelay relay, Deadline deadline, std::function<void()> on_login);
    // The login is over already: its ReadyForQuery was sent.
    void expect_queries();
    // Bytes that were received before the hand-over; they go out with the first on_ready.
    void begin_with(Bytes from_client, Bytes from_compute);

    struct Readiness {
        bool hangup = false;  // the peer closed or failed: read until that shows
    };
    // Moves what can be moved after `side` became readable or writable. `buffer` is scratch space.
    // True when its turn ended before its work: call again without waiting.
    bool on_ready(Side side, Readiness readiness, ByteSpan buffer);
    // When on_deadline() is due; no_deadline most of the time.
    Deadline deadline() const { return deadline_; }
    void on_deadline();

    // Ends the session as soon as it is idle: the client is sent 57P01.
    void drain();
    // Ends it now; the client is sent 57P01 if that does not tear a message.
    void terminate();

    // Both directions ended; both streams are closed.
    bool finished() const { return to_client_.done && to_compute_.done; }
    SessionSummary summary() const;

    net::ByteStream& stream(Side side) { return side == Side::client ? *client_ : *compute_; }

private:
    struct Direction {
        net::ByteStream& from;
        net::ByteStream& to;
        SessionEnd closed;   // when `from` ends
        SessionEnd lost;     // when `from` fails
        SessionEnd to_lost;  // when `to` fails
        bool to_client;
        Bytes unsent = {};         // `to` does not take it yet
        bool hung_up = false;      // `from` was reported to be over: read until that shows
        bool interrupted = false;  // the turn ended, bytes may be left that nobody announces again
        std::uint64_t bytes = 0;
        std::uint64_t reported = 0;
        bool ended = false;  // `from` has ended, the end is to be passed on behind `unsent`
        bool done = false;   // and was
    };

    bool advance(Direction& direction, ByteSpan buffer);
    // False when nothing more can be done now.
    bool flush(Direction& direction);
    void pass(Direction& direction, ByteView chunk);
    // Follows the messages; during login `chunk` becomes what the client shall see. False when the
    // compute broke the protocol.
    bool inspect(Direction& direction, ByteView& chunk);
    bool relay_login(ByteView& chunk);
    void pass_end_on(Direction& direction);
    void write_failed(Direction& direction, const boost::system::error_code& code);
    void count(Direction& direction, std::size_t bytes);
    void report_bytes(Direction& direction);
    bool half_closed() const { return to_client_.done || to_compute_.done; }
    void limit_half_close();
    // Notes the first cause of the end.
    void ends(SessionEnd end, std::string detail = {});
    void fail(SessionEnd end, std::string detail);
    void close_both();
    // Unless that would tear a message which the client is still to get.
    void tell_client(const pg::ErrorFields& fields);
    void end_if_idle();
    void say_goodbye();

    struct Login {
        LoginRelay relay;
        std::function<void()> on_done;
        Bytes out;
    };

    std::unique_ptr<net::ByteStream> client_;
    std::unique_ptr<net::ByteStream> compute_;
    ProxyMetrics& metrics_;
    const Options options_;
    Direction to_compute_;
    Direction to_client_;
    SessionTracker tracker_;
    std::unique_ptr<Login> login_;           // while the compute has not let the client in
    std::unique_ptr<Login> finished_login_;  // keeps `out` until it is sent
    Deadline deadline_ = no_deadline;
    std::optional<SessionEnd> end_;
    std::string end_detail_;
    bool query_abandoned_ = false;
    bool draining_ = false;
    bool said_goodbye_ = false;
};

}  // namespace sluice::proxy
