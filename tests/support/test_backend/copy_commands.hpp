#pragma once

#include "backend/server/postgres_backend.hpp"
#include "tests/support/test_backend/answers.hpp"

#include <boost/asio/io_context.hpp>

#include <atomic>
#include <cstdint>
#include <string>

namespace sluice::test_backend {

// The commands of the test server that copy, of one connection:
//
//   COPY numbers BYTES TO STDOUT      numbered lines, that many bytes or a little more
//   COPY sink FROM STDIN              takes everything
//   COPY BOTH echo|flood              copy_services.hpp
//   START_REPLICATION ... X/X ...     copy_services.hpp, WalSource
class CopyCommands {
public:
    // `wal_ended`: for all connections, see WalSource.
    CopyCommands(boost::asio::io_context& context, const std::atomic<bool>& wal_ended)
        : context_(context), wal_ended_(wal_ended) {}

    // `command` without the word COPY.
    net::Awaitable<pg::QueryOutcome> copy(pg::PostgresBackend& backend, Command command);
    net::Awaitable<pg::QueryOutcome> start_replication(pg::PostgresBackend& backend,
                                                       std::string argument);
    // SHA-256 of what the last COPY sink took, as hex digits.
    const std::string& checksum() const { return checksum_; }

private:
    net::Awaitable<pg::QueryOutcome> send_numbers(pg::PostgresBackend& backend,
                                                  std::uint64_t bytes);
    net::Awaitable<pg::QueryOutcome> fill_sink(pg::PostgresBackend& backend);
    net::Awaitable<pg::QueryOutcome> copy_both(pg::PostgresBackend& backend, std::string service);

    boost::asio::io_context& context_;
    const std::atomic<bool>& wal_ended_;
    std::string checksum_;
};

}  // namespace sluice::test_backend
