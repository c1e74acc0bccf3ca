#include "auth/core/policy.hpp"

#include <gtest/gtest.h>

namespace sluice::auth {
namespace {

const RequestedAccess access{"app", "shop", "prod"};

TEST(Policy, GrantCoversItsNamesAndStars) {
    struct Case {
        const char* role;
        const char* database;
        const char* target;
        bool covered;
    };
    const Case cases[] = {{"app", "shop", "prod", true},
                          {"*", "*", "*", true},
                          {"app", "*", "prod", true},
                          {"admin", "*", "*", false},
                          {"app", "sho", "prod", false},
                          {"app", "shop", "test", false},
                          {"App", "shop", "prod", false},
                          {"", "shop", "prod", false}};
    for (const Case& c : cases) {
        SCOPED_TRACE(std::string(c.role) + "/" + c.database + "/" + c.target);
        EXPECT_EQ(covers(Grant{1, "alice@example.com", c.role, c.database, c.target}, access),
                  c.covered);
    }
}

TEST(Policy, AStarThatWasAskedForIsOnlyAName) {
    EXPECT_FALSE(covers(Grant{1, "a@b", "app", "shop", "prod"}, RequestedAccess{"*", "*", "*"}));
}

TEST(Policy, WithoutGrantsNothingIsGranted) { EXPECT_FALSE(is_granted({}, access)); }

TEST(Policy, GrantCommandIsQuotedForTheShell) {
    const RequestedAccess evil{"app; rm -rf /", "it's", "prod"};
    EXPECT_EQ(grant_command("alice@example.com", evil),
              "sluicectl grant add alice@example.com --role='app; rm -rf /' "
              "--database='it'\\''s' --target=prod");
}

}  // namespace
}  // namespace sluice::auth
