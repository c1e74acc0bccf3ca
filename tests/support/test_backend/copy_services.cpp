#include "tests/support/test_backend/copy_services.hpp"

#include "backend/protocol/replication.hpp"
#include "common/base/byte_writer.hpp"
#include "common/net/timer.hpp"

#include <stdexcept>
#include <string>

namespace sluice::test_backend {

namespace {

using pg::CopyStreamEnd;
using pg::ErrorFields;
using pg::QueryError;

constexpr std::size_t queue_messages_max = 16;
constexpr std::size_t block_bytes = 16U << 10U;
constexpr std::uint64_t wal_bytes = 2U << 20U;
constexpr std::chrono::milliseconds keepalive_interval{50};

std::optional<CopyStreamEnd> ordered_end(ByteView payload, const std::string& reason) {
    const std::string text(payload.begin(), payload.end());
    if (text == "end server") return CopyStreamEnd::server_initiated(reason);
    if (text == "end refused") {
        return CopyStreamEnd::failed(QueryError(ErrorFields::error("22023", "refused on demand")));
    }
    if (text == "end internal") {
        return CopyStreamEnd::failed(QueryError::internal("broken on demand"));
    }
    if (text == "end throw") throw std::runtime_error("thrown on demand");
    return std::nullopt;
}

// Until the other direction has ended and cancels this one.
net::Awaitable<CopyStreamEnd> wait_for_the_other() {
    co_await net::sleep_until(no_deadline);
    co_return CopyStreamEnd::cancelled();
}

}  // namespace

Echo::Echo(boost::asio::io_context& context) : queue_(context, queue_messages_max) {}

net::Awaitable<CopyStreamEnd> Echo::receive(pg::CopyReader& reader) {
    for (;;) {
        auto payload = co_await reader.read();
        if (!payload && payload.error().kind() != CopyStreamEnd::Kind::copy_done) {
            co_return std::move(payload).error();
        }
        std::optional<Bytes> message;
        if (payload) {
            auto end = ordered_end(*payload, "told to end");
            if (end) co_return std::move(*end);
            message.emplace(payload->begin(), payload->end());
        }
        const boost::system::error_code none;
        const auto queued = co_await queue_.async_send(none, std::move(message), net::use_result);
        if (std::get<0>(queued)) co_return CopyStreamEnd::cancelled();
        if (!payload) co_return co_await wait_for_the_other();
    }
}

net::Awaitable<CopyStreamEnd> Echo::send(pg::CopyWriter& writer) {
    for (;;) {
        const auto received = co_await queue_.async_receive(net::use_result);
        if (std::get<0>(received)) co_return CopyStreamEnd::cancelled();
        const auto& message = std::get<1>(received);
        if (!message) co_return CopyStreamEnd::copy_done();
        auto sent = co_await writer.write(*message);
        if (sent) sent = co_await writer.flush();
        if (!sent) co_return std::move(sent).error();
    }
}

net::Awaitable<CopyStreamEnd> Flood::receive(pg::CopyReader& reader) {
    std::uint64_t total = 0;
    for (;;) {
        auto payload = co_await reader.read();
        if (!payload) co_return std::move(payload).error();
        auto end = ordered_end(*payload, "received " + std::to_string(total) + " bytes");
        if (end) co_return std::move(*end);
        total += payload->size();
    }
}

net::Awaitable<CopyStreamEnd> Flood::send(pg::CopyWriter& writer) {
    const Bytes block(block_bytes, 'x');
    for (;;) {
        auto sent = co_await writer.write(block);
        if (!sent) co_return std::move(sent).error();
    }
}

net::Awaitable<CopyStreamEnd> WalSource::receive(pg::CopyReader& reader) {
    for (;;) {
        auto payload = co_await reader.read();
        if (!payload) co_return std::move(payload).error();
        auto end = ordered_end(*payload, "told to end");
        if (end) co_return std::move(*end);
        auto message = pg::parse_standby_message(*payload);
        if (!message) {
            co_return CopyStreamEnd::disconnected(pg::ConnectionError(std::move(message).error()));
        }
    }
}

net::Awaitable<CopyStreamEnd> WalSource::send(pg::CopyWriter& writer) {
    const Lsn end = position_ + wal_bytes;
    while (position_ < end) {
        Bytes block;
        ByteWriter bytes(block);
        for (std::size_t i = 0; i < block_bytes; i += 8) bytes.u64((position_ + i).value());
        pg::XLogData data;
        data.start = position_;
        data.end = end;
        data.data = block;
        pg::encode_xlog_data(writer.out(), data);
        auto sent = co_await writer.write_encoded();
        if (!sent) co_return std::move(sent).error();
        position_ = position_ + block_bytes;
    }
    while (!ended_) {
        pg::Keepalive keepalive;
        keepalive.end = end;
        pg::encode_keepalive(writer.out(), keepalive);
        auto sent = co_await writer.flush();
        if (!sent) co_return std::move(sent).error();
        const bool elapsed = co_await net::sleep_for(keepalive_interval);
        if (!elapsed) co_return CopyStreamEnd::cancelled();
    }
    co_return CopyStreamEnd::server_initiated("the end of the WAL");
}

}  // namespace sluice::test_backend
