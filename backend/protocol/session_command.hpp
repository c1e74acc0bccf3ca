#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice::pg {

// True for a text without a statement, which is answered by EmptyQueryResponse.
bool is_empty_query(std::string_view query);

// What clients say in SQL about their own session: drivers when they forget prepared statements,
// pools before they give a connection to the next user.
struct SessionCommand {
    enum class Kind {
        deallocate,      // DEALLOCATE [PREPARE] name
        deallocate_all,  // DEALLOCATE [PREPARE] ALL
        discard_all,     // DISCARD ALL
    };
    Kind kind = Kind::deallocate;
    std::string name = {};  // as PostgreSQL reads it: folded to lower case unless it is quoted
};
// nullopt for every other text, of several statements too. No comments are skipped.
//   source: PostgreSQL documentation, "DEALLOCATE", "DISCARD", "Identifiers and Key Words"
std::optional<SessionCommand> find_session_command(std::string_view query);
// The command's CommandComplete.
std::string_view command_tag(SessionCommand::Kind kind);

}  // namespace sluice::pg
