#include "tests/support/test_backend/command_handler.hpp"

#include "backend/auth/jwt.hpp"
#include "common/net/timer.hpp"

#include <charconv>
#include <stdexcept>

namespace sluice::test_backend {

namespace {

using pg::ErrorFields;
namespace sqlstate = pg::sqlstate;

std::uint32_t number(std::string_view text) {
    std::uint32_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

void send(pg::PostgresBackend& backend, const Answer& answer) {
    if (!answer.columns.empty()) backend.row_description(answer.columns);
    for (const Row& row : answer.rows) pg::encode_data_row(backend.out(), row);
    pg::encode_command_complete(backend.out(), answer.tag);
}

pg::QueryOutcome refused(std::string_view code, std::string text) {
    return pg::QueryError(ErrorFields::error(code, std::move(text)));
}

Answer numbered_rows(std::uint32_t count) {
    Answer answer = one_value("0");
    answer.rows.clear();
    for (std::uint32_t i = 1; i <= count; ++i) answer.rows.push_back({std::to_string(i)});
    answer.tag = "SELECT " + std::to_string(count);
    return answer;
}

}  // namespace

std::optional<ErrorFields> CommandHandler::startup(const pg::StartupMessage&) {
    return std::nullopt;
}

std::optional<ErrorFields> CommandHandler::check_token(std::string_view token) {
    pg::JwtPolicy policy;
    policy.issuer = "tests";
    policy.audience = "sluice-test-backend";
    policy.scope = "query";
    const auto claims =
        pg::verify_jwt(token, *shared_.token_key, policy, std::chrono::system_clock::now());
    if (claims) return std::nullopt;
    return ErrorFields::fatal(sqlstate::invalid_authorization, "JWT authentication error");
}

net::Awaitable<pg::QueryOutcome> CommandHandler::process_query(pg::PostgresBackend& backend,
                                                               std::string query) {
    const Command command = parse_command(query);
    if (command.name == "sleep") {
        const Counted sleeping(shared_.sleeping);
        const bool elapsed =
            co_await net::sleep_for(std::chrono::seconds(number(command.argument)));
        if (!elapsed) co_return refused(sqlstate::query_canceled, "the wait was ended");
    }
    if (command.name == "fail") {
        co_return refused(sqlstate::internal_error,
                          command.argument.empty() ? "it broke" : command.argument);
    }
    if (command.name == "typo") {
        co_return refused("42601", "syntax error at or near \"typo\"");
    }
    if (command.name == "notice") {
        pg::encode_notice_response(backend.out(), ErrorFields::notice(command.argument));
    }
    if (command.name == "throw") throw std::runtime_error("thrown on demand");
    if (command.name == "rows") {
        send(backend, numbered_rows(number(command.argument)));
    } else if (command.name == "fill") {
        send(backend, one_value(std::string(number(command.argument), 'x')));
    } else if (command.name == "sessions") {
        send(backend, one_value(std::to_string(shared_.sessions)));
    } else if (command.name == "sleeping") {
        send(backend, one_value(std::to_string(shared_.sleeping)));
    } else {
        send(backend, answer(command));
    }
    co_return pg::QueryOutcome();
}

}  // namespace sluice::test_backend
