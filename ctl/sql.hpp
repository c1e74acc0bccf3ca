#pragma once

#include "backend/client/postgres_client.hpp"
#include "common/base/result.hpp"
#include "common/base/secret.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace sluice::ctl {

// A PostgreSQL server of this machine, as its superuser sees it.
struct SqlServer {
    std::string host;  // folder of the Unix socket, or an address
    std::uint16_t port = 0;
    std::string user = "postgres";
};

// A session of any server, whose calls block.
class SqlSession {
public:
    //   errors: kind compute; detail is the server's own message when there is one
    static Result<std::unique_ptr<SqlSession>> open(pg::ConnInfo info,
                                                    std::chrono::milliseconds timeout);
    ~SqlSession();

    // Runs one statement and returns its rows.
    //   errors: as open()
    Result<pg::QueryResult> run(const std::string& sql, std::chrono::milliseconds timeout);

private:
    SqlSession() = default;

    boost::asio::io_context context_{1};
    std::unique_ptr<pg::PostgresClient> client_;
};

// As superuser to `database`, for SqlSession.
pg::ConnInfo conninfo_of(const SqlServer& server, const std::string& database);

// Connects to `database`, runs one statement and blocks until its rows are there.
//   errors: kind compute; detail is the server's own message when there is one
Result<pg::QueryResult> run_sql(const SqlServer& server,
                                const std::string& database,
                                const std::string& sql,
                                std::chrono::milliseconds timeout);

// `text` as a string literal of SQL.
std::string sql_literal(const std::string& text);

}  // namespace sluice::ctl
