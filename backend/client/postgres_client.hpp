#pragma once

#include "backend/client/client_error.hpp"
#include "backend/client/connect_options.hpp"
#include "backend/client/query_result.hpp"
#include "backend/protocol/backend.hpp"
#include "backend/protocol/startup.hpp"
#include "backend/server/framed_stream.hpp"
#include "common/net/byte_stream.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::pg {

// All that it takes to cancel what a session is doing; outlives the session and may be used on
// another thread. Goes to the session's server and address, encrypted if the session is.
class CancelHandle {
public:
    // Waits until the server closed that connection, at most 2 s after the request was sent. That
    // tells nothing about the query.
    net::Awaitable<Result<void>> send(boost::asio::io_context& context, Deadline deadline) const;

private:
    friend class PostgresClient;

    ConnectOptions options_;  // without the password
    CancelRequest request_;
};

// Values for $1, $2, ... in text form; nullopt is NULL.
struct QueryParameters {
    std::vector<std::optional<std::string>> values;
};

// The client side of one connection. One coroutine at a time uses it. For replication connect with
// the startup parameter "replication" and give the client to a ReplicationClient
// (replication_client.hpp).
class PostgresClient {
public:
    // Connects, negotiates TLS as the mode says, authenticates (trust, cleartext, MD5,
    // SCRAM-SHA-256, SCRAM-SHA-256-PLUS) and waits for ReadyForQuery.
    static net::Awaitable<ClientResult<std::unique_ptr<PostgresClient>>> connect(
        boost::asio::io_context& context, ConnectOptions options);

    // The same for the hosts of a connection string in turn, until one lets us in that is what
    // target_session_attrs asks for. The certificates named in it are read on this thread.
    // `deadline` holds for all hosts together, connect_timeout for each.
    //   errors: those of all hosts in one text; the server's words are the last host's
    static net::Awaitable<ClientResult<std::unique_ptr<PostgresClient>>> connect(
        boost::asio::io_context& context,
        ConnInfo info,
        Deadline deadline,
        net::BlockingPool* pool = nullptr);

    // Connects, negotiates TLS and stops there: the stream is ready for a startup packet that
    // somebody else writes (the proxy's forward mode).
    static net::Awaitable<Result<std::unique_ptr<net::ByteStream>>> open_stream(
        boost::asio::io_context& context, ConnectOptions options);

    // Sends a CancelRequest and waits until the server closed that connection.
    static net::Awaitable<Result<void>> cancel(boost::asio::io_context& context,
                                               ConnectOptions options,
                                               CancelRequest request);
    CancelHandle cancel_handle() const;

    // What the server said between AuthenticationOk and ReadyForQuery, with what it changed since.
    const std::vector<std::pair<std::string, std::string>>& parameters() const {
        return parameters_;
    }
    std::optional<std::string_view> parameter(std::string_view name) const;
    const BackendKey& key() const { return key_; }
    char transaction_status() const { return transaction_status_; }
    // Of protocol 3, as agreed with the server.
    std::uint16_t protocol_minor() const { return protocol_minor_; }
    bool encrypted() const { return encrypted_; }
    // The server that let us in.
    const HostSpec& host() const { return host_; }
    // ParameterStatus and NoticeResponse messages of the login, byte for byte and in order.
    const Bytes& login_messages() const { return login_messages_; }

    // Runs one simple query; the rows of its last result.
    //   bytes_max: memory of all rows. What is beyond, were it one row of gigabytes, is dropped as
    //              it arrives and the query fails with kind limit; the connection stays usable.
    //              A message that is no row may have 1 MiB in any case.
    net::Awaitable<ClientResult<QueryResult>> simple_query(std::string sql,
                                                           Deadline deadline,
                                                           std::size_t bytes_max = 16U << 20U);
    // Runs one statement with parameters by the extended protocol, as the unnamed statement.
    net::Awaitable<ClientResult<QueryResult>> query(std::string sql,
                                                    QueryParameters parameters,
                                                    Deadline deadline,
                                                    std::size_t bytes_max = 16U << 20U);
    // False after an exchange that did not come to its end: it failed on the way, took too long or
    // was cancelled. The rest of its answer would be taken for the next one, so there is none.
    bool usable() const { return usable_; }

    // Terminate and close.
    net::Awaitable<void> close();

    FramedStream::Parts release() &&;

private:
    explicit PostgresClient(FramedStream framed) : framed_(std::move(framed)) {}
    friend class ClientLogin;
    friend class ReplicationClient;

    // nullopt: an exchange may begin.
    std::optional<ClientError> begin_exchange(Deadline deadline, std::size_t bytes_max);
    void bound_messages(std::size_t bytes_max);
    // What was begun is not sent: nothing is in the buffer.
    ClientError refuse(std::string reason);
    // Sends what is in the buffer and reads up to ReadyForQuery or CopyBothResponse.
    net::Awaitable<ClientResult<ResultReader::Progress>> run_exchange(ResultReader& reader);
    net::Awaitable<Result<std::optional<Frame>>> next_message(ResultReader& reader);
    net::Awaitable<ClientResult<QueryResult>> run_query(ResultReader reader);
    void note_parameter(ByteView body);

    FramedStream framed_;
    HostSpec host_;
    ConnectOptions options_;  // without the password
    std::vector<std::pair<std::string, std::string>> parameters_;
    Bytes login_messages_;
    BackendKey key_;
    std::uint16_t protocol_minor_ = 0;
    char transaction_status_ = 'I';
    bool encrypted_ = false;
    bool usable_ = true;
};

}  // namespace sluice::pg
