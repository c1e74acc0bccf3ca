#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "backend/protocol/error_fields.hpp"
#include "common/net/byte_stream.hpp"
#include "proxy/metrics.hpp"
#include "proxy/passthrough/login_relay.hpp"
#include "proxy/passthrough/session_tracker.hpp"

namespace sluice::proxy {

// Why a session ended.
enum class SessionEnd {
    client_closed,
    compute_closed,
    client_lost,        // an error on the client's side of the proxy
    compute_lost,
    half_close_timeout, // one side was done, the other said nothing for half_close_timeout
    login_timeout,
    terminated,         // by us: drain or deadline
};
std::string_view to_string(SessionEnd end);

struct SessionSummary {
    SessionEnd end = SessionEnd::client_closed;
    std::uint64_t bytes_to_client = 0;
    std::uint64_t bytes_to_compute = 0;
    // What happened on the lost side; empty for orderly ends.
    std::string detail;
};

// Copies bytes both ways between a client and its compute. The end of one side's stream is passed
// on as such while the other direction goes on. Looks only at message headers, to know when the
// session may be ended between queries. Everything runs on the session's thread.
class Passthrough {
public:
    static constexpr std::chrono::seconds half_close_timeout{30};

    // Both streams must outlive it.
    Passthrough(net::ByteStream& client, net::ByteStream& compute, ProxyMetrics& metrics);

    // The compute has yet to let the client in: its dialogue passes through `relay`, and `on_login`
    // is called when it is over. Until then the streams' deadlines limit the login.
    void begin_with_login(LoginRelay relay, std::function<void()> on_login);
    // The login is over already: its ReadyForQuery was sent.
    void begin_established();

    // Copies until both directions ended. The first arguments are bytes already received.
    net::Awaitable<SessionSummary> run(Bytes from_client, Bytes from_compute);

    // After run(): the client went away while the compute still worked for it.
    bool client_left_a_query() const { return client_left_ && !tracker_.idle(); }

    // Ends the session as soon as it is idle: the client is sent 57P01.
    void drain();
    // Ends it now; the client is sent 57P01 if that does not tear a message.
    void terminate();

private:
    struct Direction {
        net::ByteStream& from;
        net::ByteStream& to;
        SessionEnd closed;     // when `from` ends
        SessionEnd lost;       // when `from` fails
        SessionEnd to_lost;    // when `to` fails
        std::uint64_t bytes = 0;
        std::uint64_t reported = 0;
        bool to_client = false;
        bool writing = false;  // bytes wait for `to` to take them
        bool done = false;
    };

    net::Awaitable<bool> pump(Direction& direction, Bytes received);
    net::Awaitable<bool> copy_until_end(Direction& direction);
    ByteView send(Direction& direction, ByteView chunk);
    net::Awaitable<bool> finish_write(Direction& direction, ByteView unsent);
    // Follows the messages; during login `chunk` becomes what the client shall see. False when the
    // compute broke the protocol.
    bool inspect(Direction& direction, ByteView& chunk);
    bool relay_login(Direction& direction, ByteView& chunk);
    Deadline half_close_deadline() const;
    void count(Direction& direction, std::size_t bytes);
    void report_bytes(Direction& direction);
    // Notes the first cause of the end.
    void ends(SessionEnd end, std::string detail = {});
    void fail(SessionEnd end, const Error& error);
    void end_if_idle();
    void say_goodbye();

    Direction to_compute_;
    Direction to_client_;
    ProxyMetrics& metrics_;
    SessionTracker tracker_;
    struct Login {
        LoginRelay relay;
        std::function<void()> on_done;
        Bytes out;
    };
    std::unique_ptr<Login> login_;           // while the compute has not let the client in
    std::unique_ptr<Login> finished_login_;  // keeps `out` until it is sent
    std::optional<SessionSummary> summary_;
    bool client_left_ = false;
    bool draining_ = false;
    bool said_goodbye_ = false;
};

}  // namespace sluice::proxy
