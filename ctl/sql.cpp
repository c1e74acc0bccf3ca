#include "ctl/sql.hpp"

#include <boost/asio/co_spawn.hpp>

#include <exception>
#include <optional>
#include <stdexcept>
#include <utility>

namespace sluice::ctl {

namespace {

Error to_error(pg::ClientError failure) {
    if (failure.server) return Error(ErrorKind::compute, failure.server->message);
    return std::move(failure.error);
}

// co_spawn needs a result that can be made from nothing, so the outcome goes to its place here.
template <class T>
net::Awaitable<void> keep(net::Awaitable<T> work, std::optional<T>& outcome) {
    auto result = co_await std::move(work);
    outcome.emplace(std::move(result));
}

// Runs the context until the work is done; what a live connection still has there (its deadline)
// stays for the next time.
template <class T>
T block_on(boost::asio::io_context& context, net::Awaitable<T> work) {
    std::optional<T> outcome;
    boost::asio::co_spawn(
        context, keep(std::move(work), outcome), [&context](std::exception_ptr failure) {
            context.stop();
            if (failure) std::rethrow_exception(failure);
        });
    context.restart();
    context.run();
    if (!outcome) throw std::logic_error("the query did not end");
    return std::move(*outcome);
}

net::Awaitable<bool> close(pg::PostgresClient& client) {
    co_await client.close();
    co_return true;
}

}  // namespace

Result<std::unique_ptr<SqlSession>> SqlSession::open(pg::ConnInfo info,
                                                     std::chrono::milliseconds timeout) {
    info.parameters.emplace_back("application_name", "sluicectl");
    auto session = std::unique_ptr<SqlSession>(new SqlSession);
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    auto client =
        block_on(session->context_,
                 pg::PostgresClient::connect(session->context_, std::move(info), deadline));
    if (!client) return to_error(std::move(client).error());
    session->client_ = std::move(*client);
    return session;
}

SqlSession::~SqlSession() {
    if (client_ && client_->usable()) block_on(context_, close(*client_));
}

Result<pg::QueryResult> SqlSession::run(const std::string& sql, std::chrono::milliseconds timeout) {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    auto result = block_on(context_, client_->simple_query(sql, deadline));
    if (!result) return to_error(std::move(result).error());
    return std::move(*result);
}

pg::ConnInfo conninfo_of(const SqlServer& server, const std::string& database) {
    pg::ConnInfo info;
    info.hosts.push_back({server.host, "", server.port});
    info.user = server.user;
    info.database = database;
    info.ssl_mode = pg::SslMode::disable;
    return info;
}

Result<pg::QueryResult> run_sql(const SqlServer& server,
                                const std::string& database,
                                const std::string& sql,
                                std::chrono::milliseconds timeout) {
    auto session = SqlSession::open(conninfo_of(server, database), timeout);
    if (!session) return std::move(session).error();
    return (*session)->run(sql, timeout);
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
