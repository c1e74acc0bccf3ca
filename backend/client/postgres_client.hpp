#pragma once

#include "backend/protocol/backend.hpp"
#include "backend/protocol/error_fields.hpp"
#include "backend/server/framed_stream.hpp"
#include "common/base/secret.hpp"
#include "common/net/byte_stream.hpp"
#include "common/net/tls_context.hpp"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::pg {

// Why a server did not let us in, or refused a query.
struct ClientError {
    Error error;  // kind compute
    // The server's own words when it sent an ErrorResponse.
    std::optional<ErrorFields> server;
    Bytes response;  // that ErrorResponse as it came, for relaying
};
template <class T>
using ClientResult = Expected<T, ClientError>;

struct ConnectOptions {
    std::string host;  // name, address, or folder of a Unix socket
    std::uint16_t port = 5432;
    std::shared_ptr<const net::TlsClientContext> tls;  // null: TlsMode::disable
    std::string user;
    std::string database;
    Secret password;  // used when the server asks
    // Further startup parameters (application_name, options, ...).
    std::vector<std::pair<std::string, std::string>> parameters;
    std::uint16_t protocol_minor = 0;
    Deadline deadline = no_deadline;  // of everything up to ReadyForQuery
};

struct QueryResult {
    std::vector<std::string> columns;
    std::vector<std::vector<std::optional<std::string>>> rows;
    std::string command_tag;
};

// The client side of one connection. One coroutine at a time uses it.
class PostgresClient {
public:
    // Connects, negotiates TLS as the mode says, authenticates (trust, cleartext, MD5,
    // SCRAM-SHA-256, SCRAM-SHA-256-PLUS) and waits for ReadyForQuery.
    static net::Awaitable<ClientResult<std::unique_ptr<PostgresClient>>> connect(
        boost::asio::io_context& context, ConnectOptions options);

    // Connects, negotiates TLS and stops there: the stream is ready for a startup packet that
    // somebody else writes (the proxy's forward mode).
    static net::Awaitable<Result<std::unique_ptr<net::ByteStream>>> open_stream(
        boost::asio::io_context& context, ConnectOptions options);

    // Sends a CancelRequest and waits until the server closed that connection.
    static net::Awaitable<Result<void>> cancel(boost::asio::io_context& context,
                                               ConnectOptions options,
                                               CancelRequest request);

    // What the server said between AuthenticationOk and ReadyForQuery.
    const std::vector<std::pair<std::string, std::string>>& parameters() const {
        return parameters_;
    }
    const BackendKey& key() const { return key_; }
    char transaction_status() const { return transaction_status_; }
    // ParameterStatus and NoticeResponse messages of the login, byte for byte and in order.
    const Bytes& login_messages() const { return login_messages_; }

    // Runs one simple query; the rows of its last result. Rows are bounded to `bytes_max` in all.
    net::Awaitable<ClientResult<QueryResult>> simple_query(std::string sql,
                                                           Deadline deadline,
                                                           std::size_t bytes_max = 16U << 20U);
    // Terminate and close.
    net::Awaitable<void> close();

    FramedStream::Parts release() &&;

private:
    explicit PostgresClient(FramedStream framed) : framed_(std::move(framed)) {}
    friend class ClientLogin;

    FramedStream framed_;
    std::vector<std::pair<std::string, std::string>> parameters_;
    Bytes login_messages_;
    BackendKey key_;
    char transaction_status_ = 'I';
};

}  // namespace sluice::pg
