#include "ctl/sql.hpp"

#include <boost/asio/co_spawn.hpp>

#include <exception>
#include <optional>

namespace sluice::ctl {

namespace {

Error to_error(pg::ClientError failure) {
    if (failure.server) return Error(ErrorKind::compute, failure.server->message);
    return std::move(failure.error);
}

net::Awaitable<Result<pg::QueryResult>> query(boost::asio::io_context& context,
                                              pg::ConnectOptions options,
                                              std::string sql) {
    const auto deadline = options.deadline;
    auto client = co_await pg::PostgresClient::connect(context, std::move(options));
    if (!client) co_return to_error(std::move(client).error());
    auto result = co_await (*client)->simple_query(std::move(sql), deadline);
    co_await (*client)->close();
    if (!result) co_return to_error(std::move(result).error());
    co_return std::move(*result);
}

// co_spawn needs a result that can be made from nothing, so the outcome goes to its place here.
net::Awaitable<void> query_into(boost::asio::io_context& context,
                                pg::ConnectOptions options,
                                std::string sql,
                                std::optional<Result<pg::QueryResult>>& outcome) {
    auto result = co_await query(context, std::move(options), std::move(sql));
    outcome.emplace(std::move(result));
}

}  // namespace

Result<pg::QueryResult> run_sql(const SqlServer& server,
                                const std::string& database,
                                const std::string& sql,
                                std::chrono::milliseconds timeout) {
    pg::ConnectOptions options;
    options.host = server.host;
    options.port = server.port;
    options.user = server.user;
    options.database = database;
    options.parameters.emplace_back("application_name", "sluicectl");
    options.deadline = std::chrono::steady_clock::now() + timeout;

    boost::asio::io_context context(1);
    std::optional<Result<pg::QueryResult>> outcome;
    boost::asio::co_spawn(context,
                          query_into(context, std::move(options), sql, outcome),
                          [](std::exception_ptr failure) {
                              if (failure) std::rethrow_exception(failure);
                          });
    context.run();
    if (!outcome) return Error(ErrorKind::internal, "the query did not end");
    return std::move(*outcome);
}

std::string sql_literal(const std::string& text) {
    std::string literal = "'";
    for (const char character : text) {
        if (character == '\'') literal += '\'';
        literal += character;
    }
    return literal + "'";
}

}  // namespace sluice::ctl
