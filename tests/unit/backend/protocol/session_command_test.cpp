#include "backend/protocol/session_command.hpp"

#include <gtest/gtest.h>

namespace sluice::pg {
namespace {

// The tag, with the name of the statement in brackets; empty for any other query.
std::string found(std::string_view query) {
    const auto command = find_session_command(query);
    if (!command) return "";
    std::string text(command_tag(command->kind));
    if (command->kind == SessionCommand::Kind::deallocate) text += " [" + command->name + "]";
    return text;
}

TEST(SessionCommand, IsReadAsPostgresReadsIt) {
    struct Case {
        const char* query;
        const char* found;
    };
    const Case cases[] = {
        {"DEALLOCATE _pg3_0", "DEALLOCATE [_pg3_0]"},
        {" deallocate\n\tPrepare Stmt$1 ; ;", "DEALLOCATE [stmt$1]"},
        {"DEALLOCATE \"S_1 \"\"a\"\"\"", "DEALLOCATE [S_1 \"a\"]"},
        {"DEALLOCATE\"x\"", "DEALLOCATE [x]"},
        {"DEALLOCATE gr\u00fc\u00dfe", "DEALLOCATE [gr\u00fc\u00dfe]"},
        {"DEALLOCATE ALL", "DEALLOCATE ALL"},
        {"deallocate prepare all;", "DEALLOCATE ALL"},
        {"DEALLOCATE \"all\"", "DEALLOCATE [all]"},
        {"DEALLOCATE allx", "DEALLOCATE [allx]"},
        {"DEALLOCATE prepare", "DEALLOCATE [prepare]"},
        {"DEALLOCATE PREPARE prepare", "DEALLOCATE [prepare]"},
        {"DEALLOCATE \"prepare\"", "DEALLOCATE [prepare]"},
        {"DISCARD ALL", "DISCARD ALL"},
        {"discard  all;", "DISCARD ALL"},
    };
    for (const Case& test : cases) EXPECT_EQ(found(test.query), test.found) << test.query;
}

TEST(SessionCommand, LeavesEverythingElseToTheService) {
    for (const char* query : {"",
                              "select 1",
                              "DEALLOCATE",
                              "DEALLOCATE ;",
                              "DEALLOCATE \"\"",
                              "DEALLOCATE \"a",
                              "DEALLOCATE 1a",
                              "DEALLOCATE a b",
                              "DEALLOCATE a; select 1",
                              "DEALLOCATE ALL a",
                              "DEALLOCATEALL",
                              "DEALLOCATE_ a",
                              "DISCARD",
                              "DISCARD \"all\"",
                              "DISCARD PLANS",
                              "DISCARD ALL; select 1",
                              "DISCARDALL"}) {
        EXPECT_EQ(found(query), "") << query;
    }
}

}  // namespace
}  // namespace sluice::pg
