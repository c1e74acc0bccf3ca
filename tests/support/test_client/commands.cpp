#include "tests/support/test_client/commands.hpp"

#include "common/base/text.hpp"
#include "tests/support/test_client/wal_receiver.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/signal_set.hpp>

#include <csignal>
#include <iostream>
#include <utility>

namespace sluice::test_client {

namespace {

std::string or_none(std::optional<std::string_view> value) {
    return std::string(value.value_or("none"));
}

void print_session(const pg::PostgresClient& client) {
    std::cout << "host " << client.host().endpoint() << ':' << client.host().port << '\n'
              << "encrypted " << (client.encrypted() ? "yes" : "no") << '\n'
              << "protocol 3." << client.protocol_minor() << '\n'
              << "key " << client.key().key.size() << '\n'
              << "standby " << or_none(client.parameter("in_hot_standby")) << '\n'
              << "server " << or_none(client.parameter("server_version")) << std::endl;
}

net::Awaitable<int> print_outcome(pg::PostgresClient& client,
                                  net::Awaitable<pg::ClientResult<pg::QueryResult>> query) {
    auto result = co_await std::move(query);
    const int status = result ? 0 : report(result.error());
    if (result) print(*result);
    if (client.usable()) co_await client.close();
    co_return status;
}

// Sends the cancel request when the signal comes, from outside the session's coroutine.
net::Awaitable<void> cancel_at_signal(boost::asio::io_context& context,
                                      pg::CancelHandle handle,
                                      Deadline deadline) {
    boost::asio::signal_set signals(context, SIGUSR1);
    const auto received = co_await signals.async_wait(net::use_result);
    if (std::get<0>(received)) co_return;
    auto sent = co_await handle.send(context, deadline);
    std::cout << (sent ? "cancel sent" : sent.error().message()) << std::endl;
}

pg::QueryParameters parameters_of(const std::vector<std::string>& arguments) {
    pg::QueryParameters parameters;
    for (std::size_t i = 1; i < arguments.size(); ++i) {
        if (arguments[i] == "NULL") {
            parameters.values.emplace_back();
        } else {
            parameters.values.emplace_back(arguments[i]);
        }
    }
    return parameters;
}

net::Awaitable<int> run_in_session(boost::asio::io_context& context,
                                   std::unique_ptr<pg::PostgresClient> client,
                                   Options options) {
    auto& arguments = options.arguments;
    if (options.command == "session") {
        print_session(*client);
        co_await client->close();
        co_return 0;
    }
    if (options.command == "identify") {
        co_return co_await identify(std::move(client), options.deadline);
    }
    if (options.command == "receive") {
        co_return co_await receive_wal(std::move(client), std::move(options));
    }
    if (options.command == "cancelled") {
        boost::asio::co_spawn(context,
                              cancel_at_signal(context, client->cancel_handle(), options.deadline),
                              boost::asio::detached);
        std::cout << "running" << std::endl;
    }
    if (options.command == "execute") {
        co_return co_await print_outcome(
            *client, client->query(arguments.at(0), parameters_of(arguments), options.deadline));
    }
    co_return co_await print_outcome(*client,
                                     client->simple_query(arguments.at(0), options.deadline));
}

}  // namespace

int report(const pg::ClientError& error) {
    const std::string code = error.server ? error.server->code : "none";
    std::cerr << code << ' ' << printable(error.error.message(), 2000) << std::endl;
    return 1;
}

void print(const pg::QueryResult& result) {
    for (const auto& row : result.rows) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            std::cout << (i == 0 ? "" : "\t") << row[i].value_or("NULL");
        }
        std::cout << '\n';
    }
    std::cout << result.command_tag << std::endl;
}

net::Awaitable<int> run_command(boost::asio::io_context& context, Options options) {
    auto info = pg::parse_conninfo(options.conninfo);
    if (!info) {
        std::cerr << "none " << info.error().message() << std::endl;
        co_return 2;
    }
    auto client = co_await pg::PostgresClient::connect(
        context, std::move(*info), options.deadline, options.pool);
    if (!client) co_return report(client.error());
    co_return co_await run_in_session(context, std::move(*client), std::move(options));
}

}  // namespace sluice::test_client
