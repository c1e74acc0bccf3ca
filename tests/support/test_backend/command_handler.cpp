#include "tests/support/test_backend/command_handler.hpp"

#include "backend/auth/jwt.hpp"
#include "common/base/assert.hpp"
#include "common/net/timer.hpp"

#include <span>
#include <stdexcept>

namespace sluice::test_backend {

namespace {

using pg::ErrorFields;
using pg::QueryError;
using pg::QueryOutcome;
namespace sqlstate = pg::sqlstate;

// Rows are sent in portions, so that any number of them fits into memory.
constexpr std::uint64_t rows_in_a_row = 1000;

std::string count_of(const std::atomic<std::size_t>& counter) {
    return std::to_string(counter.load());
}

// At the login, and at a query that the token does not allow.
constexpr const char* token_error = "JWT authentication error";

QueryOutcome send(pg::PostgresBackend& backend, const Answer& answer) {
    if (!answer.columns.empty()) backend.row_description(answer.columns);
    for (const Row& row : answer.rows) SLUICE_ASSERT(pg::encode_data_row(backend.out(), row));
    SLUICE_ASSERT(pg::encode_command_complete(backend.out(), answer.tag));
    return QueryOutcome();
}

}  // namespace

std::optional<ErrorFields> CommandHandler::startup(const pg::StartupMessage& message) {
    if (message.user() == "throw") throw std::runtime_error("thrown on demand");
    return std::nullopt;
}

net::Awaitable<Expected<pg::PasswordCheck, ErrorFields>> CommandHandler::check_auth(
    const pg::StartupMessage& message) {
    pg::PasswordCheck check;
    check.method = shared_.password_method;
    check.role = message.user();
    const auto role = shared_.roles.find(check.role);
    if (role != shared_.roles.end()) check.stored = role->second;
    check.mock_key = shared_.mock_key;
    check.pool = shared_.pool.get();
    check.context = &context_;
    co_return check;
}

std::optional<ErrorFields> CommandHandler::check_token(std::string_view token) {
    const auto now = std::chrono::system_clock::now();
    if (shared_.tenant_tokens) {
        auto tenant_token = pg::verify_tenant_token(token, std::span(&*shared_.token_key, 1), now);
        if (!tenant_token) return ErrorFields::fatal(sqlstate::invalid_authorization, token_error);
        tenant_token_ = std::move(*tenant_token);
        return std::nullopt;
    }
    pg::JwtPolicy policy;
    policy.issuer = "tests";
    policy.audience = "sluice-test-backend";
    policy.scope = "query";
    if (pg::verify_jwt(token, *shared_.token_key, policy, now)) return std::nullopt;
    return ErrorFields::fatal(sqlstate::invalid_authorization, token_error);
}

std::optional<std::vector<pg::Column>> CommandHandler::describe(std::string_view query) {
    const Command command = parse_command(query);
    if (command.name == "throw_describe") throw std::runtime_error("thrown on demand");
    if (command.name == "copy" || command.name == "start_replication") return std::nullopt;
    auto columns = answer_at_once(command).columns;
    if (columns.empty()) return std::nullopt;
    return columns;
}

net::Awaitable<QueryOutcome> CommandHandler::process_query(pg::PostgresBackend& backend,
                                                           std::string query) {
    const Command command = parse_command(query);
    if (command.name == "copy") {
        co_return co_await copies_.copy(backend, parse_command(command.argument));
    }
    if (command.name == "start_replication") {
        co_return co_await copies_.start_replication(backend, command.argument);
    }
    if (command.name == "rows") co_return co_await send_rows(backend, to_number(command.argument));
    if (command.name == "sleep") {
        auto slept = co_await sleep(std::chrono::seconds(to_number(command.argument)));
        if (!slept) co_return slept;
    }
    if (command.name == "notice") {
        pg::encode_notice_response(backend.out(), ErrorFields::notice(command.argument));
    }
    if (command.name == "fail") {
        const std::string text = command.argument.empty() ? "it broke" : command.argument;
        co_return QueryError::internal(text, text);
    }
    if (command.name == "typo") {
        co_return QueryError(ErrorFields::error("42601", "syntax error at or near \"typo\""));
    }
    if (!allowed(command)) {
        co_return QueryError(ErrorFields::error(sqlstate::invalid_authorization, token_error));
    }
    if (command.name == "end_wal") shared_.wal_ended = true;
    if (command.name == "throw") throw std::runtime_error("thrown on demand");
    co_return send(backend, answer_at_once(command));
}

bool CommandHandler::allowed(const Command& command) const {
    if (command.name != "tenant" && command.name != "management") return true;
    if (!tenant_token_) return false;
    if (command.name == "management") return pg::allows_management(*tenant_token_);
    const auto tenant = TenantId::parse(command.argument);
    return tenant && pg::allows_tenant(*tenant_token_, *tenant);
}

net::Awaitable<QueryOutcome> CommandHandler::sleep(std::chrono::seconds time) {
    const Counted sleeping(shared_.sleeping);
    const bool elapsed = co_await net::sleep_for(time);
    if (!elapsed) co_return QueryError::shutdown();
    co_return QueryOutcome();
}

net::Awaitable<QueryOutcome> CommandHandler::send_rows(pg::PostgresBackend& backend,
                                                       std::uint64_t count) {
    backend.row_description(one_value("").columns);
    for (std::uint64_t i = 1; i <= count; ++i) {
        const Row row = {std::to_string(i)};
        SLUICE_ASSERT(pg::encode_data_row(backend.out(), row));
        if (i % rows_in_a_row != 0) continue;
        auto sent = co_await backend.flush();
        if (!sent) {
            co_return QueryError::disconnected(pg::ConnectionError(std::move(sent).error()));
        }
    }
    SLUICE_ASSERT(pg::encode_command_complete(backend.out(), "SELECT " + std::to_string(count)));
    co_return QueryOutcome();
}

Answer CommandHandler::answer_at_once(const Command& command) const {
    if (command.name == "sessions") return one_value(count_of(shared_.sessions));
    if (command.name == "sleeping") return one_value(count_of(shared_.sleeping));
    if (command.name == "checksum") return one_value(copies_.checksum());
    if (command.name == "fill") return one_value(std::string(to_number(command.argument), 'x'));
    return answer(command);
}

}  // namespace sluice::test_backend
