#pragma once

#include <functional>

#include "backend/protocol/backend.hpp"
#include "backend/protocol/frame.hpp"
#include "common/base/bytes.hpp"
#include "common/base/result.hpp"

namespace sluice::proxy {

// What the compute says while the client logs in through us: everything passes unchanged except
// BackendKeyData, whose cancel key is exchanged for one of ours. Ends at ReadyForQuery, or never
// when the login fails.
class LoginRelay {
public:
    // Gives the key that the client shall see; the pid stays the server's, so that
    // pg_terminate_backend(pg_backend_pid()) and notifications keep working.
    using ExchangeKey = std::function<Bytes(const pg::BackendKey&)>;

    explicit LoginRelay(ExchangeKey exchange_key) : exchange_key_(std::move(exchange_key)) {}

    // Takes bytes of the compute, appends to `out` what goes to the client. After done() every byte
    // passes. Errors: kind compute, a malformed or oversized message.
    Result<void> feed(ByteView chunk, Bytes& out);
    bool done() const { return done_; }

private:
    void relay(const pg::Frame& frame, ByteView raw, Bytes& out);

    // PostgreSQL's own limit for what a server may say during login is 30,000 bytes (libpq).
    static constexpr std::size_t body_bytes_max = 30'000;

    ExchangeKey exchange_key_;
    pg::FrameDecoder decoder_{body_bytes_max};
    Bytes held_;
    bool done_ = false;
};

}  // namespace sluice::proxy
