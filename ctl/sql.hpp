#pragma once

#include "backend/client/postgres_client.hpp"
#include "common/base/result.hpp"
#include "common/base/secret.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace sluice::ctl {

// A PostgreSQL server of this machine, as its superuser sees it.
struct SqlServer {
    std::string host;  // folder of the Unix socket, or an address
    std::uint16_t port = 0;
    std::string user = "postgres";
};

// Connects to `database`, runs one statement and blocks until its rows are there.
//   errors: kind compute; detail is the server's own message when there is one
Result<pg::QueryResult> run_sql(const SqlServer& server,
                                const std::string& database,
                                const std::string& sql,
                                std::chrono::milliseconds timeout);

// `text` as a string literal of SQL.
std::string sql_literal(const std::string& text);

}  // namespace sluice::ctl
