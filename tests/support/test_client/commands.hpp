#pragma once

#include "backend/client/postgres_client.hpp"
#include "common/net/asio.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sluice::test_client {

struct Options {
    std::string conninfo;
    std::string command;
    std::vector<std::string> arguments;
    Deadline deadline = no_deadline;
    net::BlockingPool* pool = nullptr;
};

// Connects, runs the command and prints what comes of it; the exit status.
//
//   query SQL              rows with tabs between values, then the command tag
//   execute SQL VALUE...   the same by the extended protocol; the value "NULL" is NULL
//   session                what is known of the session, a line each
//   cancelled SQL          prints "running", cancels the query when SIGUSR1 comes
//   identify               IDENTIFY_SYSTEM and SHOW wal_segment_size
//   receive LSN BYTES FILE WAL from there on, at least that many bytes, into the file
net::Awaitable<int> run_command(boost::asio::io_context& context, Options options);

// Prints why something failed on standard error: SQLSTATE, if any, and text. Always 1.
int report(const pg::ClientError& error);
void print(const pg::QueryResult& result);

}  // namespace sluice::test_client
