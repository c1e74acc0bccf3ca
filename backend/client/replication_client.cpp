#include "backend/client/replication_client.hpp"

#include "backend/protocol/backend.hpp"
#include "backend/protocol/frontend.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>

namespace sluice::pg {

namespace {

constexpr std::size_t answer_bytes_max = 16U << 20U;
// Walsenders send at most 128 KiB of WAL at once, other senders up to 1 MiB.
constexpr std::size_t copy_data_bytes_max = 4U << 20U;

SteadyTime now() { return std::chrono::steady_clock::now(); }

bool is_setting_name(std::string_view name) {
    constexpr std::string_view letters =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.";
    return !name.empty() && name.find_first_not_of(letters) == std::string_view::npos;
}

std::optional<std::uint32_t> parse_timeline(std::string_view text) {
    std::uint32_t value = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
    return value;
}

std::optional<SystemIdentity> parse_identity(const QueryResult& result) {
    if (result.rows.size() != 1 || result.rows[0].size() != 4) return std::nullopt;
    const auto& row = result.rows[0];
    if (!row[0] || !row[1] || !row[2]) return std::nullopt;
    const auto timeline = parse_timeline(*row[1]);
    const auto lsn = Lsn::parse(*row[2]);
    if (!timeline || !lsn) return std::nullopt;
    return SystemIdentity{*row[0], *timeline, *lsn, row[3]};
}

}  // namespace

void SharedDeadline::set(User user, Deadline deadline) {
    const auto moment = now();
    note_passed(moment);
    deadlines_[user] = deadline;
    apply(moment, deadline);
}

bool SharedDeadline::goes_on(User user, Error& error, std::size_t& passed_before) {
    const bool interrupted =
        is_timeout(error.code) || error.code == boost::asio::error::operation_aborted;
    if (!interrupted) return false;
    const auto moment = now();
    note_passed(moment);
    if (passed_ == passed_before) return false;  // a real cancellation, or the network's timeout
    passed_before = passed_;
    if (deadlines_[user] <= moment) {
        error.code = timed_out_error();
        return false;
    }
    apply(moment, no_deadline);
    return true;
}

void SharedDeadline::note_passed(SteadyTime moment) {
    if (applied_ > moment) return;
    ++passed_;
    applied_ = no_deadline;
}

// `first` counts also when it has passed already: its user has to notice.
void SharedDeadline::apply(SteadyTime moment, Deadline first) {
    applied_ = first;
    for (const Deadline deadline : deadlines_) {
        if (deadline > moment) applied_ = std::min(applied_, deadline);
    }
    stream_.set_deadline(applied_);
}

ReplicationClient::ReplicationClient(std::unique_ptr<PostgresClient> client)
    : client_(std::move(client)), deadline_(client_->framed_.stream()) {}

net::Awaitable<ClientResult<SystemIdentity>> ReplicationClient::identify_system(Deadline deadline) {
    auto result = co_await command("IDENTIFY_SYSTEM", deadline);
    if (!result) co_return std::move(result).error();
    auto identity = parse_identity(*result);
    if (!identity) co_return client_error("malformed answer to IDENTIFY_SYSTEM");
    co_return std::move(*identity);
}

net::Awaitable<ClientResult<std::string>> ReplicationClient::show(std::string name,
                                                                  Deadline deadline) {
    if (!is_setting_name(name)) co_return client_misuse("not the name of a setting");
    auto result = co_await command("SHOW " + name, deadline);
    if (!result) co_return std::move(result).error();
    if (result->rows.size() != 1 || result->rows[0].size() != 1 || !result->rows[0][0]) {
        co_return client_error("malformed answer to SHOW");
    }
    co_return std::move(*result->rows[0][0]);
}

net::Awaitable<ClientResult<QueryResult>> ReplicationClient::command(std::string text,
                                                                     Deadline deadline) {
    if (streaming()) co_return client_misuse("a command in a replication stream");
    co_return co_await client_->simple_query(std::move(text), deadline, answer_bytes_max);
}

net::Awaitable<ClientResult<void>> ReplicationClient::start(std::string text, Deadline deadline) {
    if (streaming()) co_return client_misuse("a command in a replication stream");
    if (auto failure = client_->begin_exchange(deadline, answer_bytes_max)) {
        co_return std::move(*failure);
    }
    if (!encode_query(client_->framed_.out(), text)) {
        co_return client_->refuse("a command that holds a NUL character");
    }
    results_.emplace(
        answer_bytes_max, ResultReader::Protocol::simple, ResultReader::Rows::of_first_statement);
    auto progress = co_await client_->run_exchange(*results_);
    if (!progress) co_return std::move(progress).error();
    if (*progress == ResultReader::Progress::ready) {
        auto result = std::move(*results_).finish();
        if (!result) co_return std::move(result).error();
        co_return client_error("the command began no stream");
    }
    auto halves = client_->framed_.split();
    if (!halves) co_return client_error(std::move(halves).error());
    halves_ = std::move(*halves);
    halves_->reader.decoder().set_body_bytes_max(copy_data_bytes_max);
    server_done_ = server_stops_ = client_done_ = false;
    co_return ClientResult<void>();
}

net::Awaitable<Result<std::optional<Frame>>> ReplicationClient::read_message(Deadline deadline) {
    // A deadline costs a timer, so only who has to wait sets one.
    if (halves_->reader.has_message()) co_return co_await halves_->reader.read_message();
    deadline_.set(SharedDeadline::reader, deadline);
    std::size_t passed = deadline_.passed();
    for (;;) {
        auto message = co_await halves_->reader.read_message();
        if (!message && deadline_.goes_on(SharedDeadline::reader, message.error(), passed))
            continue;
        deadline_.set(SharedDeadline::reader, no_deadline);
        co_return message;
    }
}

net::Awaitable<Result<void>> ReplicationClient::flush(Deadline deadline) {
    deadline_.set(SharedDeadline::writer, deadline);
    std::size_t passed = deadline_.passed();
    for (;;) {
        auto sent = co_await halves_->writer.flush();
        if (!sent && deadline_.goes_on(SharedDeadline::writer, sent.error(), passed)) continue;
        deadline_.set(SharedDeadline::writer, no_deadline);
        co_return sent;
    }
}

net::Awaitable<ClientResult<std::optional<ByteView>>> ReplicationClient::receive_copy(
    Deadline deadline) {
    if (!streaming()) co_return client_misuse("no replication stream");
    for (;;) {
        if (server_done_) co_return std::optional<ByteView>();
        auto message = co_await read_message(deadline);
        if (!message) co_return client_error(std::move(message).error());
        if (!*message) co_return closed_by_server();
        auto taken = take(**message);
        if (taken) co_return std::move(*taken);
    }
}

std::optional<ClientResult<std::optional<ByteView>>> ReplicationClient::take(const Frame& message) {
    switch (message.tag) {
    case 'd': return std::optional<ByteView>(message.body);
    case 'c': server_done_ = true; return std::nullopt;
    case 'C': {
        server_done_ = server_stops_ = true;
        Bytes unanswered;
        auto taken = results_->take(message, unanswered);
        if (!taken) return client_error(std::move(taken).error());
        return std::nullopt;
    }
    case 'E': return client_error(message);
    case 'N':
    case 'S':
    case 'A': return std::nullopt;
    default: return client_error("unexpected message in a replication stream");
    }
}

net::Awaitable<ClientResult<std::optional<ReplicationMessage>>> ReplicationClient::receive(
    Deadline deadline) {
    auto payload = co_await receive_copy(deadline);
    if (!payload) co_return std::move(payload).error();
    if (!*payload) co_return std::optional<ReplicationMessage>();
    auto message = parse_replication_message(**payload);
    if (!message) co_return client_error(std::move(message).error());
    co_return std::optional<ReplicationMessage>(std::move(*message));
}

net::Awaitable<Result<void>> ReplicationClient::send(StandbyMessage message, Deadline deadline) {
    if (!streaming() || client_done_) co_return client_misuse("no replication stream").error;
    encode_standby_message(halves_->writer.out(), message);
    co_return co_await flush(deadline);
}

net::Awaitable<Result<void>> ReplicationClient::send_copy(ByteView payload, Deadline deadline) {
    if (!streaming() || client_done_) co_return client_misuse("no replication stream").error;
    encode_copy_data(halves_->writer.out(), payload);
    co_return co_await flush(deadline);
}

// The halves belong to the stream of client_, so this cannot fail.
void ReplicationClient::leave_stream() {
    if (!halves_) return;
    auto whole = client_->framed_.unsplit(std::move(*halves_));
    static_cast<void>(whole);
    halves_.reset();
}

net::Awaitable<ClientResult<QueryResult>> ReplicationClient::finish(Deadline deadline) {
    if (!streaming()) co_return client_misuse("no replication stream");
    if (!client_done_ && !server_stops_) {
        client_done_ = true;
        encode_copy_done(halves_->writer.out());
        auto sent = co_await flush(deadline);
        if (!sent) co_return client_error(std::move(sent).error());
    }
    while (!server_done_) {
        auto rest = co_await receive_copy(deadline);
        if (!rest) co_return std::move(rest).error();
    }
    leave_stream();
    client_->bound_messages(answer_bytes_max);
    client_->framed_.stream().set_deadline(deadline);
    auto progress = co_await client_->run_exchange(*results_);
    const bool ended = !progress && progress.error().error.code == eof_error();
    if (!progress && !(server_stops_ && ended)) co_return std::move(progress).error();
    co_return std::move(*results_).finish();
}

net::Awaitable<void> ReplicationClient::close() {
    leave_stream();
    co_await client_->close();
}

}  // namespace sluice::pg
