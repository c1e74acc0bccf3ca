#pragma once

#include "common/net/byte_stream.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>

namespace sluice::test {

// A stream without a socket: the test says what the peer sent, how much it takes, and when it
// fails, and sees what it was sent. Nothing waits: a read that would have to is an error, a write
// for which there is no room takes 0 bytes.
class MemoryStream : public net::ByteStream {
public:
    Bytes incoming;               // sent by the peer, not read yet
    bool incoming_ended = false;  // and then its end
    bool reads_fail = false;      // and then a failure
    Bytes outgoing;               // what the peer was sent
    std::size_t room = SIZE_MAX;  // what it still takes
    bool writes_fail = false;
    bool send_ended = false;
    bool closed = false;
    std::size_t reads = 0;  // calls of read_some

    Attempt try_read(ByteSpan into) override {
        if (closed) return {Attempt::Status::failed, 0, boost::asio::error::operation_aborted};
        if (!incoming.empty()) {
            const std::size_t count = std::min(into.size(), incoming.size());
            std::copy_n(incoming.begin(), count, into.begin());
            incoming.erase(incoming.begin(), incoming.begin() + static_cast<std::ptrdiff_t>(count));
            return {Attempt::Status::done, count, {}, count == into.size()};
        }
        if (reads_fail) return {Attempt::Status::failed, 0, boost::asio::error::connection_reset};
        return {incoming_ended ? Attempt::Status::end : Attempt::Status::would_block};
    }

    Attempt try_write(ByteView bytes) override {
        if (closed) return {Attempt::Status::failed, 0, boost::asio::error::operation_aborted};
        if (writes_fail || send_ended)
            return {Attempt::Status::failed, 0, boost::asio::error::broken_pipe};
        if (room == 0) return {Attempt::Status::would_block};
        const std::size_t count = std::min(room, bytes.size());
        append(outgoing, bytes.first(count));
        if (room != SIZE_MAX) room -= count;
        return {Attempt::Status::done, count};
    }

    Attempt try_shutdown_send() override {
        if (closed) return {Attempt::Status::failed, 0, boost::asio::error::operation_aborted};
        send_ended = true;
        return {Attempt::Status::done};
    }

    void close() override { closed = true; }
    void detach() override {}
    int native_handle() const override { return -1; }
    void set_deadline(Deadline) override {}
    std::string peer() const override { return "memory"; }
    std::string peer_address() const override { return ""; }
    bool encrypted() const override { return false; }

    net::Awaitable<Result<std::size_t>> read_some(ByteSpan into) override {
        ++reads;
        return without_waiting(try_read(into));
    }
    net::Awaitable<Result<std::size_t>> write_some(ByteView bytes) override {
        const auto attempt = try_write(bytes);
        if (attempt.status == Attempt::Status::would_block) {
            return without_waiting({Attempt::Status::done});
        }
        return without_waiting(attempt);
    }
    net::Awaitable<Result<void>> shutdown_send() override {
        const auto attempt = try_shutdown_send();
        if (attempt.status == Attempt::Status::failed) {
            co_return Error(ErrorKind::peer, "", attempt.error);
        }
        co_return Result<void>();
    }

private:
    static net::Awaitable<Result<std::size_t>> without_waiting(Attempt attempt) {
        switch (attempt.status) {
        case Attempt::Status::done:
        case Attempt::Status::end: co_return attempt.count;
        case Attempt::Status::failed: co_return Error(ErrorKind::peer, "", attempt.error);
        case Attempt::Status::would_block: break;
        }
        co_return Error(ErrorKind::internal, "a memory stream does not wait");
    }
};

}  // namespace sluice::test
