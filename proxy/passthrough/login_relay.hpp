#pragma once

#include "backend/protocol/backend.hpp"
#include "backend/protocol/frame.hpp"
#include "common/base/bytes.hpp"
#include "common/base/result.hpp"

#include <functional>

namespace sluice::proxy {

// What the compute says while the client logs in through us: everything passes unchanged except
// BackendKeyData, whose cancel key is exchanged for one of ours, and an offer of channel binding
// that the client could not take up. Ends at ReadyForQuery, or never when the login fails.
class LoginRelay {
public:
    // Gives the key that the client shall see; the pid stays the server's, so that
    // pg_terminate_backend(pg_backend_pid()) and notifications keep working.
    using ExchangeKey = std::function<Bytes(const pg::BackendKey&)>;

    // A client without TLS takes an offer of SCRAM-SHA-256-PLUS for an attack, so it is hidden
    // when only the compute's leg has TLS. (A client with TLS of its own must say
    // channel_binding=disable there: its binding is to our certificate, not to the compute's.)
    enum class ChannelBinding { pass, hide };

    explicit LoginRelay(ExchangeKey exchange_key,
                        ChannelBinding channel_binding = ChannelBinding::pass)
        : exchange_key_(std::move(exchange_key)), channel_binding_(channel_binding) {}

    // Takes bytes of the compute, appends to `out` what goes to the client. After done() every byte
    // passes. Errors: kind compute, a malformed or oversized message.
    Result<void> feed(ByteView chunk, Bytes& out);
    bool done() const { return done_; }

private:
    void relay(const pg::Frame& frame, ByteView raw, Bytes& out);
    // True when the frame was an offer of mechanisms, which was passed on without the hidden one.
    static bool relay_mechanisms(const pg::Frame& frame, Bytes& out);

    // PostgreSQL's own limit for what a server may say during login is 30,000 bytes (libpq).
    static constexpr std::size_t body_bytes_max = 30'000;

    ExchangeKey exchange_key_;
    ChannelBinding channel_binding_;
    pg::FrameDecoder decoder_{body_bytes_max};
    Bytes held_;
    bool done_ = false;
};

}  // namespace sluice::proxy
