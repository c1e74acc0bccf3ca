#pragma once

#include "backend/server/error_report.hpp"
#include "backend/server/framed_stream.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace sluice::pg {

// COPY: streams of CopyData within a session, from the client (in), to it (out) or both ways.
// Source: PostgreSQL documentation, "COPY Operations". Everything here belongs to one thread.

// A writer keeps up to this much before it sends.
inline constexpr std::size_t copy_flush_bytes = 64U << 10U;

// `in`: Flush and Sync are skipped, clients send them behind an Execute. `both`: they break the
// protocol, as everything else that is no COPY message.
enum class CopyDirection { in, both };

// The receiving side.
class CopyReader {
public:
    // The reader must outlive this.
    CopyReader(FramedReader& reader, CopyDirection direction)
        : reader_(reader), direction_(direction) {}

    // The payload of the next CopyData, valid until the next call, or how the stream ended. Behind
    // CopyDone comes the session's next message: do not read on.
    net::Awaitable<Expected<ByteView, CopyStreamEnd>> read();
    // True once read() has returned CopyDone or CopyFail: the peer sends no more of them.
    bool peer_ended() const { return peer_ended_; }

private:
    std::optional<CopyStreamEnd> find_end(const Frame& message);

    FramedReader& reader_;
    CopyDirection direction_;
    bool peer_ended_ = false;
};

// The sending side.
class CopyWriter {
public:
    // The writer must outlive this.
    explicit CopyWriter(FramedWriter& writer) : writer_(writer) {}

    // One CopyData. Waits while the peer does not keep up, so that memory stays bounded whatever
    // the caller's speed.
    net::Awaitable<Expected<void, CopyStreamEnd>> write(ByteView payload);
    // The same for CopyData messages that were encoded into out().
    net::Awaitable<Expected<void, CopyStreamEnd>> write_encoded();
    Bytes& out() { return writer_.out(); }
    // Sends what is kept.
    net::Awaitable<Expected<void, CopyStreamEnd>> flush();
    // CopyDone, for the end of a COPY OUT.
    void finish();

private:
    FramedWriter& writer_;
};

// What a service does with a COPY in both directions: two coroutines that run at the same time on
// one thread. The first to end cancels the other, which must end soon then.
class CopyBothService {
public:
    virtual ~CopyBothService() = default;
    virtual net::Awaitable<CopyStreamEnd> receive(CopyReader& reader) = 0;
    virtual net::Awaitable<CopyStreamEnd> send(CopyWriter& writer) = 0;
};

struct CopyOptions {
    CopyEnding ending = CopyEnding::stock;
    // CommandComplete after an orderly end, one each; START_REPLICATION has two.
    std::vector<std::string> command_tags = {"COPY 0"};
    // For the peer's CopyDone after ours.
    std::chrono::milliseconds goodbye_timeout{10'000};
};

// How both directions ended: `end` is the one that counts, `other` came of it, mostly. Neither need
// be what the reader told the service.
struct CopyBothEnds {
    CopyStreamEnd end;
    CopyStreamEnd other;
    bool peer_ended = false;  // CopyDone or CopyFail of the peer was read
};

// Sends CopyBothResponse and runs the service until both directions have ended, also when it is
// cancelled. The stream is whole again afterwards and has no answer to the end yet.
net::Awaitable<CopyBothEnds> run_copy_both(FramedStream& framed, CopyBothService& service);

// What the peer was told of the end of a COPY stream.
enum class CopyEpilogue {
    completed,  // in order
    failed,     // by an ErrorResponse; the session goes on
    closed,     // the session is over and the sending side closed
};

// One line in the log and the answer to the end (docs/backend.md).
net::Awaitable<CopyEpilogue> conclude_copy_both(FramedStream& framed,
                                                const CopyBothEnds& ends,
                                                const CopyOptions& options,
                                                const log::Log& log);

// What a COPY IN or OUT that did not end in order means for the query it was part of.
QueryError query_error(const CopyStreamEnd& end);

}  // namespace sluice::pg
