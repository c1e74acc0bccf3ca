#pragma once

#include "backend/auth/scram_secret.hpp"
#include "backend/protocol/frontend.hpp"
#include "backend/server/postgres_backend.hpp"
#include "common/net/task_group.hpp"
#include "common/net/timer.hpp"
#include "tests/support/coroutine.hpp"
#include "tests/support/socket_pair.hpp"
#include "tests/unit/backend/bytes.hpp"
#include "tests/unit/backend/peer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

namespace sluice::pg {

// Answers any query with a row; what else it does is told by the names of users, tokens and queries.
class TestHandler final : public Handler {
public:
    std::optional<ErrorFields> startup(const StartupMessage& message) override {
        state_at_startup = backend->state();
        if (message.user() == "thrown at startup") throw std::runtime_error("of startup");
        if (message.user() != "refused") return std::nullopt;
        return ErrorFields::error(sqlstate::invalid_authorization, "not you");
    }
    net::Awaitable<Expected<PasswordCheck, ErrorFields>> check_auth(
        const StartupMessage& message) override {
        if (message.user() == "thrown at the password") throw std::runtime_error("of check_auth");
        ++checks_begun;
        if (message.user() == "slow") co_await net::sleep_for(std::chrono::hours(1));
        PasswordCheck check;
        check.pool = pool;
        check.context = context;
        check.method = PasswordMethod::cleartext;
        check.role = message.user();
        check.mock_key = as_bytes("0123456789abcdef");
        if (check.role == "app") {
            check.stored = make_scram_secret(Secret("secret"), bytes_of("salt"));
        }
        if (check.role == "old") check.stored = Md5Secret{"md5" + std::string(32, '0')};
        co_return check;
    }
    std::optional<ErrorFields> check_token(std::string_view token) override {
        if (token == "good") return std::nullopt;
        if (token == "thrown") throw 7;  // no std::exception
        return ErrorFields::fatal(sqlstate::invalid_authorization,
                                  "password authentication failed");
    }
    std::optional<std::vector<Column>> describe(std::string_view query) override {
        if (query == "set") return std::nullopt;
        if (query == "throw") throw std::runtime_error("of describe");
        return std::vector<Column>{{"data"}};
    }
    net::Awaitable<QueryOutcome> process_query(PostgresBackend& connection,
                                               std::string query) override {
        queries.push_back(query);
        states.push_back(connection.state());
        if (query == "stop") connection.stop();
        if (query == "large") {
            for (int i = 0; i < 1000; ++i) {
                const std::vector<std::optional<std::string>> piece = {std::string(10'000, 'x')};
                EXPECT_TRUE(encode_data_row(connection.out(), piece));
                auto sent = co_await connection.flush();
                if (!sent) co_return QueryError::disconnected(ConnectionError(sent.error()));
                capacity_max = std::max(capacity_max, connection.out().capacity());
            }
        }
        if (query == "bug") co_return QueryError::internal("the reason", "it broke");
        if (query == "typo") co_return QueryError(ErrorFields::error("42601", "failed to run"));
        if (query == "throw") throw std::runtime_error("thrown");
        if (query == "pause") co_await net::sleep_for(std::chrono::milliseconds(60));
        if (query == "wait") co_await net::sleep_for(std::chrono::hours(1));
        if (const auto columns = describe(query)) {
            const std::vector<std::optional<std::string>> row = {"ok"};
            connection.row_description(*columns);
            EXPECT_TRUE(encode_data_row(connection.out(), row));
        }
        encode_command_complete(connection.out(), "SELECT 1");
        co_return QueryOutcome();
    }
    std::vector<std::string> queries;
    std::vector<PostgresBackend::State> states;
    std::optional<PostgresBackend::State> state_at_startup;
    std::size_t capacity_max = 0;
    const PostgresBackend* backend = nullptr;
    std::size_t checks_begun = 0;
    // For passwords; none: on this thread.
    net::BlockingPool* pool = nullptr;
    boost::asio::io_context* context = nullptr;
};

// A backend that serves one connection, and the client that the test plays.
struct Fixture {
    explicit Fixture(PostgresBackend::Options options = {},
                     decltype(test::tcp_pair) make = test::tcp_pair)
        : pair(make(context)),
          backend(std::move(options), log::Log()),
          peer(context, std::move(pair.client)) {
        handler.backend = &backend;
        tasks.spawn(backend.run(std::move(pair.server), handler));
    }
    ~Fixture() {
        peer.stream().close();
        tasks.cancel();
        wait_for_end();
    }

    void query(std::string_view text) {
        Bytes bytes;
        EXPECT_TRUE(encode_query(bytes, text));
        peer.send(bytes);
    }
    std::string enter() {
        using namespace std::string_view_literals;
        peer.send(startup_packet(3, 0, "user\0app\0\0"sv));
        return peer.receive_tags('Z');
    }
    ErrorFields error() const {
        return *parse_error_fields(as_bytes(error_body = peer.body_of('E')));
    }
    void wait_for_end() {
        EXPECT_TRUE(test::run_until(context, [&] { return tasks.running() == 0; }));
    }

    log::Capture log;
    boost::asio::io_context context;
    test::StreamPair pair;
    TestHandler handler;
    PostgresBackend backend;
    Peer peer;
    net::TaskGroup tasks{context};
    mutable std::string error_body;
};

inline std::size_t count_of(const std::string& text, std::string_view piece) {
    std::size_t count = 0;
    for (auto at = text.find(piece); at != std::string::npos; at = text.find(piece, at + 1))
        ++count;
    return count;
}

// Parse of the unnamed statement, Bind, Describe of the portal, Execute.
inline Bytes extended(std::string_view query) {
    using namespace std::string_view_literals;
    Bytes bytes = message('P', std::string("\0"sv) + std::string(query) + std::string("\0\0\0"sv));
    append(bytes, message('B', "\0\0\0\0\0\0\0\0"sv));
    append(bytes, message('D', "P\0"sv));
    append(bytes, message('E', "\0\0\0\0\0"sv));
    return bytes;
}

}  // namespace sluice::pg
