#pragma once

#include "backend/client/postgres_client.hpp"
#include "backend/protocol/replication.hpp"
#include "common/base/lsn.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace sluice::pg {

// What IDENTIFY_SYSTEM answers.
struct SystemIdentity {
    std::string system_id;
    std::uint32_t timeline = 0;
    Lsn flush_lsn;
    std::optional<std::string> database;  // of a logical replication session
};

// A stream has one deadline; of a reader and a writer that wait at the same time each has its own.
// When one passes, both waits end, and the one whose time is not over goes on.
class SharedDeadline {
public:
    enum User { reader, writer };

    explicit SharedDeadline(net::ByteStream& stream) : stream_(stream) {}
    void set(User user, Deadline deadline);
    // How many deadlines have passed; to be kept for goes_on().
    std::size_t passed() const { return passed_; }
    // After an operation failed: whether it is only the other's time that is over. Otherwise `error`
    // is right: whoever wakes up second is told that it was cancelled. `passed_before` is updated.
    bool goes_on(User user, Error& error, std::size_t& passed_before);

private:
    void note_passed(SteadyTime now);
    void apply(SteadyTime now, Deadline first);

    net::ByteStream& stream_;
    std::array<Deadline, 2> deadlines_{no_deadline, no_deadline};
    Deadline applied_ = no_deadline;
    std::size_t passed_ = 0;
};

// The replication commands of a walsender or a safekeeper, and the stream that some of them begin
// (COPY BOTH). Source: PostgreSQL documentation, "Streaming Replication Protocol".
//
// One coroutine at a time, but between start() and finish() one may receive while another sends;
// finish() comes when both have ended.
// After an error, other than a timeout or a cancellation of receive or send, the connection is of
// no more use. A send that timed out or was cancelled leaves its message in the buffer: it goes out
// with the next one.
class ReplicationClient {
public:
    // Connected with the startup parameter replication.
    explicit ReplicationClient(std::unique_ptr<PostgresClient> client);

    net::Awaitable<ClientResult<SystemIdentity>> identify_system(Deadline deadline);
    // The value of a setting.
    net::Awaitable<ClientResult<std::string>> show(std::string name, Deadline deadline);
    // Any command that answers with rows: CREATE_REPLICATION_SLOT, TIMELINE_HISTORY and so on.
    net::Awaitable<ClientResult<QueryResult>> command(std::string text, Deadline deadline);

    // Sends a command that begins a stream: START_REPLICATION, START_WAL_PUSH.
    net::Awaitable<ClientResult<void>> start(std::string text, Deadline deadline);

    // The next message of the stream; nullopt: the server ended it in order (CopyDone, or
    // CommandComplete when it stops). Data is valid until the next call. An ErrorResponse is an
    // error, also one that says 00000, as safekeepers do at the end of a stream.
    net::Awaitable<ClientResult<std::optional<ReplicationMessage>>> receive(Deadline deadline);
    net::Awaitable<Result<void>> send(StandbyMessage message, Deadline deadline);
    // The same with payloads of CopyData as they are.
    net::Awaitable<ClientResult<std::optional<ByteView>>> receive_copy(Deadline deadline);
    net::Awaitable<Result<void>> send_copy(ByteView payload, Deadline deadline);

    // Ends the stream from our side, drops what the server still sends, and gives the rows that
    // follow (the next timeline, when one ended). The session takes commands again, unless the
    // server is stopping.
    net::Awaitable<ClientResult<QueryResult>> finish(Deadline deadline);

    bool streaming() const { return halves_.has_value(); }
    PostgresClient& client() { return *client_; }
    // Terminate and close, in a stream or not.
    net::Awaitable<void> close();

private:
    net::Awaitable<Result<std::optional<Frame>>> read_message(Deadline deadline);
    net::Awaitable<Result<void>> flush(Deadline deadline);
    // nullopt: take the next message.
    std::optional<ClientResult<std::optional<ByteView>>> take(const Frame& message);
    void leave_stream();

    std::unique_ptr<PostgresClient> client_;
    SharedDeadline deadline_;
    std::optional<FramedStream::Halves> halves_;  // while streaming
    std::optional<ResultReader> results_;         // of the command that began the stream
    bool server_done_ = false;
    bool server_stops_ = false;  // CommandComplete without CopyDone: it closes the connection
    bool client_done_ = false;
};

}  // namespace sluice::pg
