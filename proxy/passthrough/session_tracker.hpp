#pragma once

#include "common/base/bytes.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace sluice::proxy {

// Follows the message headers of one direction of an established connection without copying.
class MessageWalker {
public:
    // Calls on_header(tag) for every header that completes in `chunk` and on_first_byte(tag, byte)
    // for the first byte of every body.
    template <class OnHeader, class OnFirstByte>
    void feed(ByteView chunk, OnHeader on_header, OnFirstByte on_first_byte) {
        std::size_t at = 0;
        while (at < chunk.size()) {
            if (body_left_ != 0) {
                if (body_starts_) on_first_byte(tag(), chunk[at]);
                body_starts_ = false;
                const std::size_t step = std::min<std::size_t>(body_left_, chunk.size() - at);
                body_left_ -= static_cast<std::uint32_t>(step);
                at += step;
                continue;
            }
            header_[header_size_++] = chunk[at++];
            if (header_size_ == header_.size()) {
                start_body();
                on_header(tag());
            }
        }
    }

    // The next byte begins a message.
    bool at_boundary() const { return header_size_ == 0 && body_left_ == 0; }
    // A length below 4 was seen: this is not the PostgreSQL protocol any more.
    bool broken() const { return broken_; }

private:
    char tag() const { return static_cast<char>(header_[0]); }
    void start_body();

    std::array<std::uint8_t, 5> header_{};
    std::size_t header_size_ = 0;
    std::uint32_t body_left_ = 0;
    bool body_starts_ = false;
    bool broken_ = false;
};

// Knows whether a session is idle: every message that asks for a ReadyForQuery (Query, Sync,
// FunctionCall, and the login itself) got one, the last one outside a transaction, and no extended
// query was begun that still lacks its Sync.
// A Sync inside COPY IN is not answered by servers, so such a session never counts as idle again;
// that only makes a drain wait for its deadline.
class SessionTracker {
public:
    void on_client(ByteView chunk);
    void on_compute(ByteView chunk);

    // Nothing is in flight and no transaction is open: the session may be ended between queries.
    bool idle() const;
    // A message of ours would not land inside one of the compute's.
    bool at_compute_boundary() const { return compute_.at_boundary(); }

private:
    void on_client_message(char tag);

    MessageWalker client_;
    MessageWalker compute_;
    std::uint64_t awaited_ = 1;  // the login's ReadyForQuery
    bool lacks_sync_ = false;  // Parse, Bind, Describe, Execute, Close or Flush since the last Sync
    char status_ = 0;
};

}  // namespace sluice::proxy
