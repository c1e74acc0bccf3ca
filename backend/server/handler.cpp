#include "backend/server/handler.hpp"

namespace sluice::pg {

net::Awaitable<Expected<PasswordCheck, ErrorFields>> Handler::check_auth(const StartupMessage&) {
    co_return ErrorFields::fatal(sqlstate::invalid_authorization,
                                 "passwords are not accepted here");
}

std::optional<ErrorFields> Handler::check_token(std::string_view) {
    return ErrorFields::fatal(sqlstate::invalid_authorization, "tokens are not accepted here");
}

std::optional<std::vector<Column>> Handler::describe(std::string_view) { return std::nullopt; }

}  // namespace sluice::pg
