#include "tests/support/test_backend/copy_commands.hpp"

#include "common/base/assert.hpp"
#include "common/base/hex.hpp"
#include "common/crypto/hash.hpp"
#include "tests/support/test_backend/copy_services.hpp"

#include <algorithm>
#include <sstream>

namespace sluice::test_backend {

namespace {

using pg::ErrorFields;
using pg::QueryError;
using pg::QueryOutcome;
namespace sqlstate = pg::sqlstate;

// "0000000042 abcdefghij...\n", 102 bytes.
std::string numbered_line(std::uint64_t number) {
    const std::string digits = std::to_string(number);
    std::string line(10 - std::min<std::size_t>(digits.size(), 10), '0');
    line += digits + ' ';
    for (int i = 0; i < 9; ++i) line += "abcdefghij";
    return line + '\n';
}

// The position among the words of START_REPLICATION.
std::optional<Lsn> find_lsn(const std::string& argument) {
    std::istringstream words(argument);
    std::string word;
    while (words >> word) {
        if (const auto lsn = Lsn::parse(word)) return lsn;
    }
    return std::nullopt;
}

QueryOutcome unknown(const std::string& what) {
    return QueryError(ErrorFields::error("42601", "unknown COPY \"" + what + "\""));
}

}  // namespace

net::Awaitable<QueryOutcome> CopyCommands::copy(pg::PostgresBackend& backend, Command command) {
    if (command.name == "numbers") {
        co_return co_await send_numbers(backend, to_number(command.argument));
    }
    if (command.name == "sink") co_return co_await fill_sink(backend);
    if (command.name == "both") co_return co_await copy_both(backend, std::move(command.argument));
    co_return unknown(command.name);
}

net::Awaitable<QueryOutcome> CopyCommands::send_numbers(pg::PostgresBackend& backend,
                                                        std::uint64_t bytes) {
    auto writer = co_await backend.copy_out();
    if (!writer) co_return pg::query_error(writer.error());
    std::uint64_t lines = 0;
    for (std::uint64_t sent_bytes = 0; sent_bytes < bytes; ++lines) {
        const std::string line = numbered_line(lines);
        auto sent = co_await writer->write(as_bytes(line));
        if (!sent) co_return pg::query_error(sent.error());
        sent_bytes += line.size();
    }
    writer->finish();
    SLUICE_ASSERT(pg::encode_command_complete(backend.out(), "COPY " + std::to_string(lines)));
    co_return QueryOutcome();
}

net::Awaitable<QueryOutcome> CopyCommands::fill_sink(pg::PostgresBackend& backend) {
    auto reader = co_await backend.copy_in();
    if (!reader) co_return pg::query_error(reader.error());
    Bytes sink;
    for (;;) {
        auto data = co_await reader->read();
        if (!data && data.error().kind() == pg::CopyStreamEnd::Kind::copy_done) break;
        if (!data) co_return pg::query_error(data.error());
        sink.insert(sink.end(), data->begin(), data->end());
    }
    checksum_ = to_hex(crypto::sha256(sink));
    const auto lines = std::count(sink.begin(), sink.end(), '\n');
    SLUICE_ASSERT(pg::encode_command_complete(backend.out(), "COPY " + std::to_string(lines)));
    co_return QueryOutcome();
}

net::Awaitable<QueryOutcome> CopyCommands::copy_both(pg::PostgresBackend& backend,
                                                     std::string service) {
    const pg::CopyOptions options;
    if (service == "echo") {
        Echo echo(context_);
        co_return co_await backend.copy_both(echo, options);
    }
    if (service == "flood") {
        Flood flood;
        co_return co_await backend.copy_both(flood, options);
    }
    co_return unknown(service);
}

net::Awaitable<QueryOutcome> CopyCommands::start_replication(pg::PostgresBackend& backend,
                                                             std::string argument) {
    const auto start = find_lsn(argument);
    if (!start) co_return unknown(argument);
    WalSource source(*start, wal_ended_);
    pg::CopyOptions options;
    options.command_tags = {"START_STREAMING", "START_REPLICATION"};
    co_return co_await backend.copy_both(source, options);
}

}  // namespace sluice::test_backend
