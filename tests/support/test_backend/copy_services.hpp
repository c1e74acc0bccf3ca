#pragma once

#include "backend/server/copy_stream.hpp"
#include "common/base/lsn.hpp"

#include <boost/asio/experimental/channel.hpp>
#include <boost/asio/io_context.hpp>

#include <atomic>
#include <cstdint>
#include <optional>

namespace sluice::test_backend {

// Services for a COPY in both directions. Each of them ends from our side when it receives the
// payload "end server", "end refused", "end internal" or "end throw".

// Sends back what it receives. At CopyDone it sends the rest first.
class Echo final : public pg::CopyBothService {
public:
    explicit Echo(boost::asio::io_context& context);
    net::Awaitable<pg::CopyStreamEnd> receive(pg::CopyReader& reader) override;
    net::Awaitable<pg::CopyStreamEnd> send(pg::CopyWriter& writer) override;

private:
    // nullopt: nothing more comes.
    using Queue =
        boost::asio::experimental::channel<void(boost::system::error_code, std::optional<Bytes>)>;
    Queue queue_;
};

// Sends without end, and counts what it receives. "end server" names the count as the reason.
class Flood final : public pg::CopyBothService {
public:
    net::Awaitable<pg::CopyStreamEnd> receive(pg::CopyReader& reader) override;
    net::Awaitable<pg::CopyStreamEnd> send(pg::CopyWriter& writer) override;
};

// What a walsender does: 2 MiB of WAL from `start` on, in which every eight bytes are their own
// position, then keepalives, until `ended` is true.
class WalSource final : public pg::CopyBothService {
public:
    WalSource(Lsn start, const std::atomic<bool>& ended) : position_(start), ended_(ended) {}
    net::Awaitable<pg::CopyStreamEnd> receive(pg::CopyReader& reader) override;
    net::Awaitable<pg::CopyStreamEnd> send(pg::CopyWriter& writer) override;

private:
    Lsn position_;
    const std::atomic<bool>& ended_;
};

}  // namespace sluice::test_backend
