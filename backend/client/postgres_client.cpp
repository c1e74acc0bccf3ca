#include "backend/client/postgres_client.hpp"

#include "backend/client/client_login.hpp"
#include "backend/protocol/frontend.hpp"
#include "common/net/connect.hpp"
#include "common/net/tls_stream.hpp"

#include <array>

namespace sluice::pg {

namespace {

constexpr std::chrono::seconds cancel_time{2};
constexpr std::chrono::seconds close_time{2};

Deadline earlier(Deadline deadline, std::chrono::seconds from_now) {
    return std::min(deadline, std::chrono::steady_clock::now() + from_now);
}

bool is_unix_socket(const std::string& host) { return host.starts_with('/'); }

// A NUL would end a string on the wire before its end.
bool has_nul(std::string_view text) { return text.find('\0') != std::string_view::npos; }

bool has_nul(const ConnectOptions& options) {
    for (const auto& [name, value] : options.parameters) {
        if (name.empty() || has_nul(name) || has_nul(value)) return true;
    }
    return has_nul(options.user) || has_nul(options.database) || has_nul(options.password.reveal());
}

Error refused(const ConnectOptions& options, std::string reason) {
    return Error(ErrorKind::compute,
                 options.host + ":" + std::to_string(options.port) + ": " + std::move(reason));
}

// Asks for TLS; the server's answer is exactly one byte and nothing behind it may be taken for
// plain text, so no more than that is read (CVE-2021-23222).
net::Awaitable<Result<char>> request_tls(net::ByteStream& stream) {
    Bytes request;
    encode_ssl_request(request);
    auto sent = co_await stream.write_all(request);
    if (!sent) co_return std::move(sent).error();
    std::array<std::uint8_t, 1> answer{};
    const ByteSpan space = answer;
    auto count = co_await stream.read_some(space);
    if (!count) co_return std::move(count).error();
    if (*count == 0) {
        co_return Error(ErrorKind::compute, "closed when TLS was requested", eof_error());
    }
    co_return static_cast<char>(answer[0]);
}

net::Awaitable<Result<std::unique_ptr<net::ByteStream>>> negotiate_tls(
    std::unique_ptr<net::SocketStream> socket, const ConnectOptions& options) {
    auto answer = co_await request_tls(*socket);
    if (!answer) co_return std::move(answer).error();
    if (*answer == 'N' && options.tls->mode() == net::TlsMode::prefer) {
        co_return std::unique_ptr<net::ByteStream>(std::move(socket));
    }
    if (*answer == 'N') co_return refused(options, "the server does not support TLS");
    if (*answer != 'S') co_return refused(options, "the server did not understand the TLS request");
    std::string server_name = options.host;
    auto tls =
        co_await net::TlsStream::connect(std::move(socket), options.tls, std::move(server_name));
    if (!tls) co_return std::move(tls).error();
    co_return std::unique_ptr<net::ByteStream>(std::move(*tls));
}

// Gathers the messages that answer one simple query.
class ResultReader {
public:
    explicit ResultReader(std::size_t bytes_max) : bytes_left_(bytes_max) {}

    // True when ReadyForQuery was seen. `out` receives what has to be answered.
    Result<bool> take(const Frame& message, Bytes& out) {
        switch (message.tag) {
        case 'T': return take_columns(message.body);
        case 'D': return take_row(message.body);
        case 'C': return take_tag(message.body);
        case 'E':
            if (!failure_) failure_ = client_error(message);
            return false;
        case 'G': encode_copy_fail(out, "COPY FROM STDIN is not supported here"); return false;
        case 'W': return Error(ErrorKind::compute, "the server began a replication stream");
        case 'Z': {
            auto status = parse_ready_for_query(message.body);
            if (!status) return std::move(status).error();
            status_ = *status;
            return true;
        }
        // Notices, notifications, parameter changes, empty queries, COPY data.
        case 'N':
        case 'A':
        case 'S':
        case 'I':
        case 'H':
        case 'd':
        case 'c': return false;
        default: return Error(ErrorKind::compute, "unexpected message in a query's answer");
        }
    }

    char status() const { return status_; }
    // The connection broke: what the server said last (FATAL, say) tells more than `error`.
    ClientError fail(Error error) {
        return failure_ ? std::move(*failure_) : client_error(std::move(error));
    }
    ClientResult<QueryResult> finish() && {
        if (failure_) return std::move(*failure_);
        return std::move(result_);
    }

private:
    Result<bool> take_columns(ByteView body) {
        auto columns = parse_row_description(body);
        if (!columns) return std::move(columns).error();
        result_ = QueryResult();
        complete_ = false;
        for (Column& column : *columns) result_.columns.push_back(std::move(column.name));
        return false;
    }

    Result<bool> take_row(ByteView body) {
        auto values = parse_data_row(body);
        if (!values) return std::move(values).error();
        if (failure_) return false;
        if (body.size() > bytes_left_) {
            failure_ = client_error("the answer is larger than allowed");
            failure_->error.kind = ErrorKind::limit;
            result_ = QueryResult();
            return false;
        }
        bytes_left_ -= body.size();
        auto& row = result_.rows.emplace_back();
        for (const auto& value : *values) {
            row.push_back(value ? std::optional<std::string>(*value) : std::nullopt);
        }
        return false;
    }

    Result<bool> take_tag(ByteView body) {
        auto tag = parse_command_complete(body);
        if (!tag) return std::move(tag).error();
        // "the rows of the last result": those of an earlier statement go.
        if (complete_) result_ = QueryResult();
        result_.command_tag = *tag;
        complete_ = true;
        return false;
    }

    QueryResult result_;
    std::optional<ClientError> failure_;
    std::size_t bytes_left_;
    char status_ = 'I';
    bool complete_ = false;
};

}  // namespace

net::Awaitable<ClientResult<std::unique_ptr<PostgresClient>>> PostgresClient::connect(
    boost::asio::io_context& context, ConnectOptions options) {
    if (options.user.empty() || has_nul(options)) {
        co_return client_error("a startup parameter is missing or holds a NUL character");
    }
    ConnectOptions stream_options = options;
    auto stream = co_await open_stream(context, std::move(stream_options));
    if (!stream) co_return client_error(std::move(stream).error());
    ClientLogin login(std::move(*stream), options);
    auto client = co_await login.run();
    if (client) (*client)->framed_.stream().set_deadline(no_deadline);
    co_return client;
}

net::Awaitable<Result<std::unique_ptr<net::ByteStream>>> PostgresClient::open_stream(
    boost::asio::io_context& context, ConnectOptions options) {
    auto socket = co_await net::connect(context, options.host, options.port, options.deadline);
    if (!socket) co_return std::move(socket).error().as(ErrorKind::compute);
    (*socket)->set_deadline(options.deadline);
    // As libpq does: nothing can listen in between on a Unix socket.
    const bool plain = !options.tls || options.tls->mode() == net::TlsMode::disable ||
                       is_unix_socket(options.host);
    if (plain) co_return std::unique_ptr<net::ByteStream>(std::move(*socket));
    auto stream = co_await negotiate_tls(std::move(*socket), options);
    if (!stream) co_return std::move(stream).error().as(ErrorKind::compute);
    (*stream)->set_deadline(options.deadline);
    co_return std::move(*stream);
}

net::Awaitable<Result<void>> PostgresClient::cancel(boost::asio::io_context& context,
                                                    ConnectOptions options,
                                                    CancelRequest request) {
    const Deadline deadline = options.deadline;
    auto stream = co_await open_stream(context, std::move(options));
    if (!stream) co_return std::move(stream).error();
    (*stream)->set_deadline(earlier(deadline, cancel_time));
    Bytes message;
    if (!encode_cancel_request(message, request)) {
        co_return Error(ErrorKind::internal, "a cancel key of the wrong length");
    }
    auto sent = co_await (*stream)->write_all(message);
    if (!sent) co_return std::move(sent).error().as(ErrorKind::compute);
    // The server says nothing and closes when it has passed the request on. A slow or abrupt end
    // makes no difference any more.
    std::array<std::uint8_t, 64> waste{};
    const ByteSpan space = waste;
    auto count = co_await (*stream)->read_some(space);
    while (count && *count > 0) count = co_await (*stream)->read_some(space);
    co_return Result<void>();
}

net::Awaitable<ClientResult<QueryResult>> PostgresClient::simple_query(std::string sql,
                                                                       Deadline deadline,
                                                                       std::size_t bytes_max) {
    framed_.decoder().set_body_bytes_max(bytes_max);
    framed_.stream().set_deadline(deadline);
    if (!encode_query(framed_.out(), sql)) {
        co_return client_error("a query that holds a NUL character");
    }
    ResultReader reader(bytes_max);
    for (bool ready = false; !ready;) {
        if (!framed_.out().empty()) {
            auto sent = co_await framed_.flush();
            if (!sent) co_return client_error(std::move(sent).error());
        }
        auto message = co_await framed_.read_message();
        if (!message) co_return reader.fail(std::move(message).error());
        if (!*message) {
            co_return reader.fail(
                Error(ErrorKind::compute, "the server closed the connection", eof_error()));
        }
        auto taken = reader.take(**message, framed_.out());
        if (!taken) co_return client_error(std::move(taken).error());
        ready = *taken;
    }
    transaction_status_ = reader.status();
    framed_.stream().set_deadline(no_deadline);
    co_return std::move(reader).finish();
}

net::Awaitable<void> PostgresClient::close() {
    framed_.stream().set_deadline(earlier(no_deadline, close_time));
    encode_terminate(framed_.out());
    auto sent = co_await framed_.flush();
    if (sent) {
        auto ended = co_await framed_.stream().shutdown_send();
        static_cast<void>(ended);
    }
    framed_.stream().close();
}

FramedStream::Parts PostgresClient::release() && { return std::move(framed_).release(); }

}  // namespace sluice::pg
