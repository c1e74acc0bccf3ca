#include "backend/client/postgres_client.hpp"

#include "backend/client/client_login.hpp"
#include "backend/client/host_search.hpp"
#include "backend/client/last_words.hpp"
#include "backend/client/server_stream.hpp"
#include "backend/protocol/frontend.hpp"

#include <algorithm>
#include <array>
#include <chrono>

namespace sluice::pg {

namespace {

// How large a message may be, however few bytes of rows are wanted: errors have to be read.
constexpr std::size_t message_bytes_min = 1U << 20U;
constexpr std::chrono::seconds cancel_time{2};
constexpr std::chrono::seconds close_time{2};

Deadline earlier(Deadline deadline, std::chrono::seconds from_now) {
    return std::min(deadline, std::chrono::steady_clock::now() + from_now);
}

// A NUL would end a string on the wire before its end.
bool has_nul(std::string_view text) { return text.find('\0') != std::string_view::npos; }

bool has_nul(const ConnectOptions& options) {
    for (const auto& [name, value] : options.parameters) {
        if (name.empty() || has_nul(name) || has_nul(value)) return true;
    }
    return has_nul(options.user) || has_nul(options.database) || has_nul(options.password.reveal());
}

// All messages of one statement, sent at once. False: something does not fit into its message.
bool encode_statement(Bytes& out, std::string_view sql, const QueryParameters& parameters) {
    std::vector<std::optional<std::string_view>> values;
    values.reserve(parameters.values.size());
    for (const auto& value : parameters.values) values.emplace_back(value);
    Bytes messages;
    const bool fits = encode_parse(messages, "", sql) && encode_bind(messages, "", "", values) &&
                      encode_describe(messages, Describe{Subject::portal, ""}) &&
                      encode_execute(messages, Execute{"", 0});
    if (!fits) return false;
    encode_sync(messages);
    append(out, ByteView(messages));
    return true;
}

net::Awaitable<Result<void>> send_cancel(boost::asio::io_context& context,
                                         const ConnectOptions& options,
                                         const CancelRequest& request,
                                         Encryption encryption) {
    Bytes message;
    if (!encode_cancel_request(message, request)) {
        co_return Error(ErrorKind::internal, "a cancel key of the wrong length");
    }
    auto stream = co_await open_server_stream(context, options, encryption);
    if (!stream) co_return std::move(stream).error();
    (*stream)->set_deadline(earlier(options.deadline, cancel_time));
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

}  // namespace

net::Awaitable<ClientResult<std::unique_ptr<PostgresClient>>> PostgresClient::connect(
    boost::asio::io_context& context, ConnectOptions options) {
    if (options.user.empty() || has_nul(options)) {
        auto failure = client_error("a startup parameter is missing or holds a NUL character");
        failure.conclusive = true;
        co_return failure;
    }
    std::optional<Encryption> encryption = first_encryption(options);
    for (;;) {
        auto stream = co_await open_server_stream(context, options, *encryption);
        if (!stream) co_return client_error(std::move(stream).error());
        const bool encrypted = (*stream)->encrypted();
        ClientLogin login(context, std::move(*stream), options);
        auto client = co_await login.run();
        if (client) {
            (*client)->framed_.stream().set_deadline(no_deadline);
            co_return client;
        }
        encryption.reset();
        if (login.turned_away()) encryption = other_encryption(options, encrypted);
        if (!encryption) co_return client;
    }
}

net::Awaitable<ClientResult<std::unique_ptr<PostgresClient>>> PostgresClient::connect(
    boost::asio::io_context& context, ConnInfo info, Deadline deadline, net::BlockingPool* pool) {
    HostSearch search(context, std::move(info), deadline, pool);
    co_return co_await search.run();
}

net::Awaitable<Result<std::unique_ptr<net::ByteStream>>> PostgresClient::open_stream(
    boost::asio::io_context& context, ConnectOptions options) {
    co_return co_await open_server_stream(context, options, first_encryption(options));
}

net::Awaitable<Result<void>> PostgresClient::cancel(boost::asio::io_context& context,
                                                    ConnectOptions options,
                                                    CancelRequest request) {
    co_return co_await send_cancel(context, options, request, first_encryption(options));
}

CancelHandle PostgresClient::cancel_handle() const {
    CancelHandle handle;
    handle.options_ = options_;
    handle.request_ = CancelRequest{key_.pid, key_.key};
    return handle;
}

net::Awaitable<Result<void>> CancelHandle::send(boost::asio::io_context& context,
                                                Deadline deadline) const {
    ConnectOptions options = options_;
    options.deadline = deadline;
    const Encryption encryption = options.tls ? Encryption::required : Encryption::none;
    co_return co_await send_cancel(context, options, request_, encryption);
}

std::optional<std::string_view> PostgresClient::parameter(std::string_view name) const {
    for (const auto& [known, value] : parameters_) {
        if (known == name) return value;
    }
    return std::nullopt;
}

void PostgresClient::note_parameter(ByteView body) {
    const auto status = parse_parameter_status(body);
    if (!status) return;
    for (auto& [name, value] : parameters_) {
        if (name == status->name) value = status->value;
    }
}

std::optional<ClientError> PostgresClient::begin_exchange(Deadline deadline,
                                                          std::size_t bytes_max) {
    if (!usable_) return client_misuse("the connection is not in a usable state");
    usable_ = false;
    bound_messages(bytes_max);
    framed_.stream().set_deadline(deadline);
    return std::nullopt;
}

void PostgresClient::bound_messages(std::size_t bytes_max) {
    framed_.decoder().set_body_bytes_max(std::max(bytes_max, message_bytes_min));
}

ClientError PostgresClient::refuse(std::string reason) {
    usable_ = true;
    framed_.stream().set_deadline(no_deadline);
    return client_misuse(std::move(reason));
}

// Messages that are too large are dropped, whatever they are.
net::Awaitable<Result<std::optional<Frame>>> PostgresClient::next_message(ResultReader& reader) {
    for (;;) {
        auto message = co_await framed_.read_message();
        if (message || !framed_.reader().oversized()) co_return message;
        auto dropped = co_await framed_.reader().drop_oversized();
        if (!dropped) co_return std::move(dropped).error();
        reader.note_dropped();
    }
}

net::Awaitable<ClientResult<ResultReader::Progress>> PostgresClient::run_exchange(
    ResultReader& reader) {
    for (;;) {
        if (!framed_.out().empty()) {
            auto sent = co_await framed_.flush();
            if (!sent) {
                auto words = co_await last_words(framed_, sent.error());
                co_return reader.fail(words ? std::move(*words) : client_error(sent.error()));
            }
        }
        auto message = co_await next_message(reader);
        if (!message) co_return reader.fail(client_error(std::move(message).error()));
        if (!*message) co_return reader.fail(closed_by_server());
        if ((*message)->tag == 'S') note_parameter((*message)->body);
        auto progress = reader.take(**message, framed_.out());
        if (!progress) co_return client_error(std::move(progress).error());
        if (*progress == ResultReader::Progress::more) continue;
        transaction_status_ = reader.status();
        framed_.stream().set_deadline(no_deadline);
        usable_ = *progress == ResultReader::Progress::ready && reader.in_step();
        co_return *progress;
    }
}

net::Awaitable<ClientResult<QueryResult>> PostgresClient::run_query(ResultReader reader) {
    auto progress = co_await run_exchange(reader);
    if (!progress) co_return std::move(progress).error();
    if (*progress == ResultReader::Progress::copy_both) {
        co_return client_error("the server began a replication stream");
    }
    co_return std::move(reader).finish();
}

net::Awaitable<ClientResult<QueryResult>> PostgresClient::simple_query(std::string sql,
                                                                       Deadline deadline,
                                                                       std::size_t bytes_max) {
    if (auto failure = begin_exchange(deadline, bytes_max)) co_return std::move(*failure);
    if (!encode_query(framed_.out(), sql)) co_return refuse("a query that holds a NUL character");
    ResultReader reader(bytes_max);
    co_return co_await run_query(std::move(reader));
}

net::Awaitable<ClientResult<QueryResult>> PostgresClient::query(std::string sql,
                                                                QueryParameters parameters,
                                                                Deadline deadline,
                                                                std::size_t bytes_max) {
    if (auto failure = begin_exchange(deadline, bytes_max)) co_return std::move(*failure);
    if (!encode_statement(framed_.out(), sql, parameters)) {
        co_return refuse("a query that holds a NUL character or too many parameters");
    }
    ResultReader reader(bytes_max, ResultReader::Protocol::extended);
    co_return co_await run_query(std::move(reader));
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
