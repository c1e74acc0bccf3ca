#pragma once

#include "common/net/byte_stream.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

namespace sluice::net {

// What went through a stream. Belongs to its thread; whoever shows it elsewhere copies it there.
struct StreamCounters {
    std::uint64_t received = 0;  // bytes of the payload, inside TLS
    std::uint64_t sent = 0;
    std::uint64_t timeouts = 0;  // reads and writes that ended by a limit of MonitoredStream
};

// A stream with counters and with a limit for each wait: a read fails with timed_out when nothing
// comes for `read_timeout`, a write when the peer takes nothing for `write_timeout`, and the other
// direction goes on. The deadline of set_deadline() holds beside them and is not counted.
class MonitoredStream final : public ByteStream {
public:
    struct Options {
        std::optional<std::chrono::milliseconds> read_timeout;
        std::optional<std::chrono::milliseconds> write_timeout;
    };
    // `counters` must outlive the stream.
    MonitoredStream(std::unique_ptr<ByteStream> stream,
                    StreamCounters& counters,
                    const Options& options);

    Awaitable<Result<std::size_t>> read_some(ByteSpan into) override;
    Awaitable<Result<std::size_t>> write_some(ByteView bytes) override;
    Attempt try_read(ByteSpan into) override;
    Attempt try_write(ByteView bytes) override;
    Awaitable<Result<void>> shutdown_send() override { return stream_->shutdown_send(); }
    void close() override;
    void detach() override;
    int native_handle() const override { return stream_->native_handle(); }
    Attempt try_shutdown_send() override { return stream_->try_shutdown_send(); }
    void set_deadline(Deadline deadline) override;
    std::string peer() const override { return stream_->peer(); }
    std::string peer_address() const override { return stream_->peer_address(); }
    bool encrypted() const override { return stream_->encrypted(); }
    Bytes channel_binding() const override { return stream_->channel_binding(); }

private:
    // The stream below has one deadline for both directions: it gets the earliest of the three.
    void pass_deadline_on();
    // Counts the deadline of the stream below if it has passed.
    void note_expiry();
    // Runs `operation` on the stream below with `limit`, again when it was ended by the limit of
    // the other direction, and counts its bytes.
    template <class Operation>
    Awaitable<Result<std::size_t>> run(Operation operation,
                                       std::optional<std::chrono::milliseconds> timeout,
                                       Deadline& limit,
                                       std::uint64_t& counter);

    std::unique_ptr<ByteStream> stream_;
    StreamCounters& counters_;
    Options options_;
    Deadline deadline_ = no_deadline;
    Deadline read_limit_ = no_deadline;  // of the read that is under way
    Deadline write_limit_ = no_deadline;
    Deadline passed_on_ = no_deadline;  // what the stream below has, unless it is counted as passed
    std::uint64_t expiries_ = 0;
    bool closed_ = false;
};

}  // namespace sluice::net
