// A service that speaks PostgreSQL, in one file: docs/backend.md, "A service".
//
//   $ sluice-example-backend 5499
//   $ psql "host=127.0.0.1 port=5499 user=you dbname=any" -c 'select 1'
//   $ psql ... -c 'copy lines to stdout' | head

#include "backend/server/postgres_backend.hpp"
#include "backend/server/shutdown_watcher.hpp"
#include "common/base/startup_error.hpp"
#include "common/net/io_threads.hpp"
#include "common/net/listener.hpp"
#include "common/net/shutdown.hpp"
#include "common/net/task_group.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <charconv>
#include <cstring>
#include <iostream>

namespace {

using namespace sluice;
using pg::QueryError;
using pg::QueryOutcome;

constexpr std::chrono::seconds grace{5};
constexpr int line_count = 10'000'000;  // 130 MB

// What the service does with one connection.
class Hello final : public pg::Handler {
public:
    // Everybody is let in: Authentication::trust asks for nothing.
    std::optional<pg::ErrorFields> startup(const pg::StartupMessage&) override {
        return std::nullopt;
    }

    std::optional<std::vector<pg::Column>> describe(std::string_view query) override {
        if (query != "select 1") return std::nullopt;
        return columns();
    }

    net::Awaitable<QueryOutcome> process_query(pg::PostgresBackend& backend,
                                               std::string query) override {
        if (query == "select 1") co_return select_one(backend);
        if (query == "copy lines to stdout") co_return co_await copy_lines(backend);
        co_return QueryError(pg::ErrorFields::error("42601", "unknown query: " + query));
    }

private:
    static std::vector<pg::Column> columns() {
        pg::Column column;
        column.name = "greeting";
        return {column};
    }

    static QueryOutcome select_one(pg::PostgresBackend& backend) {
        backend.row_description(columns());
        const std::vector<std::optional<std::string>> row = {"hello, world"};
        if (!pg::encode_data_row(backend.out(), row)) {
            return QueryError::internal("the row is too long for a message");
        }
        pg::encode_command_complete(backend.out(), "SELECT 1");
        return QueryOutcome();
    }

    // Any number of bytes in bounded memory: write() waits while the client does not keep up.
    static net::Awaitable<QueryOutcome> copy_lines(pg::PostgresBackend& backend) {
        auto writer = co_await backend.copy_out();
        if (!writer) co_return pg::query_error(writer.error());
        for (int i = 0; i < line_count; ++i) {
            const std::string line = "line " + std::to_string(i) + "\n";
            auto sent = co_await writer->write(as_bytes(line));
            if (!sent) co_return pg::query_error(sent.error());
        }
        writer->finish();
        pg::encode_command_complete(backend.out(), "COPY 10000000");
        co_return QueryOutcome();
    }
};

// The sessions of one thread.
struct Sessions {
    explicit Sessions(boost::asio::io_context& context) : tasks(context) {}
    net::TaskGroup tasks;
    pg::ShutdownWatcher watcher;
};

net::Awaitable<void> serve(Sessions& sessions, std::unique_ptr<net::SocketStream> stream) {
    Hello handler;
    pg::PostgresBackend backend({}, log::Log().with("client", stream->peer()));
    const auto membership = sessions.watcher.add(backend);
    co_await backend.run(std::move(stream), handler);
}

// Sessions end after the query that runs; those that take too long are cancelled.
net::Awaitable<void> shut_down(Sessions& sessions, boost::asio::io_context& main_context) {
    sessions.watcher.stop_all();
    const bool ended = co_await sessions.tasks.join(std::chrono::steady_clock::now() + grace);
    if (!ended) {
        sessions.tasks.cancel();
        co_await sessions.tasks.join(std::chrono::steady_clock::now() + grace);
    }
    main_context.stop();
}

void run(std::uint16_t port) {
    net::IoThreads threads(1);
    Sessions sessions(threads.context(0));
    net::Listener listener(
        threads, {"127.0.0.1", port}, [&](std::size_t, std::unique_ptr<net::SocketStream> stream) {
            sessions.tasks.spawn(serve(sessions, std::move(stream)));
        });
    boost::asio::io_context main_context;
    const auto stop = [&] {
        listener.close();
        boost::asio::co_spawn(
            threads.context(0), shut_down(sessions, main_context), boost::asio::detached);
    };
    const net::Signals signals(main_context, stop, [] {});
    threads.start();
    listener.start();
    std::cout << "listening on " << listener.port() << std::endl;
    main_context.run();
    threads.stop();
}

std::optional<std::uint16_t> parse_port(const char* text) {
    std::uint16_t port = 0;
    const char* const end = text + std::strlen(text);
    const auto parsed = std::from_chars(text, end, port);
    if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
    return port;
}

}  // namespace

int main(int argc, char** argv) {
    const auto port = argc == 2 ? parse_port(argv[1]) : std::nullopt;
    if (!port) {
        std::cerr << "usage: sluice-example-backend PORT     (0: any free port)\n";
        return 2;
    }
    try {
        log::configure("example-backend", "info", "text");
        run(*port);
    } catch (const StartupError& error) {
        std::cerr << "sluice-example-backend: " << error.what() << '\n';
        return 1;
    }
}
