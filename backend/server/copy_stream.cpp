#include "backend/server/copy_stream.hpp"

#include "backend/protocol/backend.hpp"
#include "backend/protocol/frontend.hpp"
#include "backend/server/farewell.hpp"
#include "common/base/assert.hpp"
#include "common/base/exception_text.hpp"
#include "common/net/race.hpp"

#include <utility>

namespace sluice::pg {

namespace {

namespace this_coro = boost::asio::this_coro;
using Kind = CopyStreamEnd::Kind;

CopyStreamEnd broken(Error error) {
    return CopyStreamEnd::disconnected(ConnectionError(std::move(error)));
}

CopyStreamEnd unexpected_message(char tag) {
    return broken(protocol_error(Errc::unexpected_message,
                                 "unexpected message in COPY stream: type " +
                                     std::to_string(static_cast<unsigned char>(tag))));
}

// An exception of a service is an end like any other, so that its sibling is joined.
net::Awaitable<CopyStreamEnd> guarded(net::Awaitable<CopyStreamEnd> side) {
    co_await this_coro::throw_if_cancelled(false);
    try {
        co_return co_await std::move(side);
    } catch (...) {
        co_return CopyStreamEnd::failed(QueryError::internal(current_exception_text()));
    }
}

// What nobody would do on purpose says most about why a stream ended.
int weight(const CopyStreamEnd& end) {
    if (end.kind() == Kind::failed) return 2;
    return end.kind() == Kind::disconnected && !end.connection()->expected() ? 1 : 0;
}

CopyBothEnds choose(CopyStreamEnd first, CopyStreamEnd second, bool peer_ended) {
    if (weight(second) > weight(first)) std::swap(first, second);
    return CopyBothEnds{std::move(first), std::move(second), peer_ended};
}

// Reads over what the peer sent before it saw our CopyDone.
net::Awaitable<Expected<void, CopyStreamEnd>> await_copy_done(FramedStream& framed) {
    CopyReader reader(framed.reader(), CopyDirection::both);
    for (;;) {
        auto data = co_await reader.read();
        if (data) continue;
        if (data.error().kind() == Kind::copy_done || data.error().kind() == Kind::copy_fail) {
            co_return Expected<void, CopyStreamEnd>();
        }
        co_return std::move(data).error();
    }
}

net::Awaitable<Expected<void, CopyStreamEnd>> leave_copy_mode(FramedStream& framed,
                                                              const CopyBothEnds& ends,
                                                              const CopyOptions& options) {
    framed.stream().set_deadline(std::chrono::steady_clock::now() + options.goodbye_timeout);
    encode_copy_done(framed.out());
    auto sent = co_await framed.flush();
    if (!sent) co_return broken(std::move(sent).error());
    if (ends.end.kind() == Kind::server_initiated && !ends.peer_ended) {
        auto done = co_await await_copy_done(framed);
        if (!done) co_return done;
    }
    framed.stream().set_deadline(no_deadline);
    for (const std::string& tag : options.command_tags) {
        SLUICE_ASSERT(encode_command_complete(framed.out(), tag));
    }
    co_return Expected<void, CopyStreamEnd>();
}

// The peer learns it where the table says so; the log has its line already, unless this is worse.
net::Awaitable<CopyEpilogue> give_up(FramedStream& framed,
                                     const CopyStreamEnd& end,
                                     CopyEnding ending,
                                     const log::Log& log) {
    ErrorReport failure = report(end, ending);
    if (failure.level == log::Level::error) {
        log.error("failed to send the end of a copy stream", {{"reason", failure.reason}});
    }
    co_await say_goodbye(framed, std::move(failure.tell));
    co_return CopyEpilogue::closed;
}

}  // namespace

net::Awaitable<Expected<ByteView, CopyStreamEnd>> CopyReader::read() {
    for (;;) {
        auto frame = co_await reader_.read_message();
        if (!frame) co_return broken(std::move(frame).error());
        if (!*frame) co_return CopyStreamEnd::eof();
        const Frame message = **frame;
        if (message.tag == 'd') co_return message.body;
        auto end = find_end(message);
        if (end) co_return std::move(*end);
    }
}

std::optional<CopyStreamEnd> CopyReader::find_end(const Frame& message) {
    switch (message.tag) {
    case 'c': {
        auto empty = parse_empty(message.body, message.tag);
        if (!empty) return broken(std::move(empty).error());
        peer_ended_ = true;
        return CopyStreamEnd::copy_done();
    }
    case 'f': {
        auto text = parse_copy_fail(message.body);
        if (!text) return broken(std::move(text).error());
        peer_ended_ = true;
        return CopyStreamEnd::copy_fail(std::string(*text));
    }
    case 'X': return CopyStreamEnd::terminate();
    case 'H':
    case 'S':
        if (direction_ == CopyDirection::in) return std::nullopt;
        return unexpected_message(message.tag);
    default: return unexpected_message(message.tag);
    }
}

net::Awaitable<Expected<void, CopyStreamEnd>> CopyWriter::write(ByteView payload) {
    encode_copy_data(writer_.out(), payload);
    return write_encoded();
}

net::Awaitable<Expected<void, CopyStreamEnd>> CopyWriter::write_encoded() {
    auto sent = co_await writer_.flush_beyond(copy_flush_bytes);
    if (!sent) co_return broken(std::move(sent).error());
    co_return Expected<void, CopyStreamEnd>();
}

net::Awaitable<Expected<void, CopyStreamEnd>> CopyWriter::flush() {
    auto sent = co_await writer_.flush();
    if (!sent) co_return broken(std::move(sent).error());
    co_return Expected<void, CopyStreamEnd>();
}

void CopyWriter::finish() { encode_copy_done(writer_.out()); }

net::Awaitable<CopyBothEnds> run_copy_both(FramedStream& framed, CopyBothService& service) {
    co_await this_coro::throw_if_cancelled(false);
    // Peers wait for it before they send.
    encode_copy_both_response(framed.out());
    auto sent = co_await framed.flush();
    if (!sent) {
        const CopyStreamEnd end = broken(std::move(sent).error());
        co_return CopyBothEnds{end, end, false};
    }
    auto halves = framed.split();
    if (!halves) {
        const auto end = CopyStreamEnd::failed(QueryError::internal(halves.error().message()));
        co_return CopyBothEnds{end, end, false};
    }
    CopyReader reader(halves->reader, CopyDirection::both);
    CopyWriter writer(halves->writer);
    auto receiving = guarded(service.receive(reader));
    auto sending = guarded(service.send(writer));
    auto joined = co_await net::join_first(std::move(receiving), std::move(sending));
    auto whole = framed.unsplit(std::move(*halves));
    SLUICE_ASSERT(whole.has_value());
    if (joined.first == 1) std::swap(joined.a, joined.b);
    co_return choose(std::move(joined.a), std::move(joined.b), reader.peer_ended());
}

net::Awaitable<CopyEpilogue> conclude_copy_both(FramedStream& framed,
                                                const CopyBothEnds& ends,
                                                const CopyOptions& options,
                                                const log::Log& log) {
    ErrorReport outcome = report(ends.end, options.ending);
    write(log, outcome);
    if (outcome.ends_session) {
        if (outcome.answer == CopyAnswer::copy_done) encode_copy_done(framed.out());
        co_await say_goodbye(framed, std::move(outcome.tell));
        co_return CopyEpilogue::closed;
    }
    if (outcome.tell) {
        encode_error_response(framed.out(), *outcome.tell);
        co_return CopyEpilogue::failed;
    }
    auto left = co_await leave_copy_mode(framed, ends, options);
    if (left) co_return CopyEpilogue::completed;
    co_return co_await give_up(framed, left.error(), options.ending, log);
}

QueryError query_error(const CopyStreamEnd& end) {
    switch (end.kind()) {
    case Kind::copy_fail:
        return QueryError(ErrorFields::error(sqlstate::query_canceled,
                                             "COPY from stdin failed: " + end.reason()));
    case Kind::disconnected: return QueryError::disconnected(*end.connection());
    case Kind::cancelled: return QueryError::shutdown();
    case Kind::failed: return *end.query();
    case Kind::terminate:
    case Kind::eof:
        return QueryError::disconnected(
            ConnectionError(Error(ErrorKind::client_disconnect, end.reason(), eof_error())));
    case Kind::server_initiated:
    case Kind::copy_done: break;
    }
    return QueryError::internal("a COPY that ended in order is no error: " + end.reason());
}

}  // namespace sluice::pg
