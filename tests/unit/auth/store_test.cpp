#include "auth/store/store.hpp"

#include "common/base/startup_error.hpp"
#include "tests/unit/auth/sample_link.hpp"
#include "tests/unit/auth/temporary_folder.hpp"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <fstream>

namespace sluice::auth {
namespace {

using test::noon;

const std::string alice = "alice@example.com";
const std::string link_id = "0123456789abcdefghjkmnpqrs";

AuditEvent event(const std::string& name) {
    AuditEvent result;
    result.time = noon;
    result.event = name;
    return result;
}

User new_user(const std::string& email) {
    User user;
    user.email = email;
    user.password_hash = "hash";
    user.created_at = noon;
    return user;
}

class StoreTest : public ::testing::Test {
protected:
    std::filesystem::path file() const { return folder_ / "auth.db"; }
    std::unique_ptr<Store> open() const { return Store::open(file()); }

    // Alice, target prod with role app, and a grant between them.
    void fill(Store& store) const {
        ASSERT_TRUE(store.add_user(new_user(alice), event("user_added")));
        const Target target{"prod", "db.internal", 5432, "shop", "require", {}};
        ASSERT_TRUE(store.add_target(target, {{"app", "sealed"}}, event("target_added")));
        ASSERT_TRUE(store.add_grant(Grant{0, alice, "app", "*", "prod"}, event("grant_added")));
    }

    // The key file holds 64 times this digit.
    crypto::SecretBox box_of(char digit) const {
        std::ofstream(folder_ / "seal.key") << std::string(64, digit);
        return *crypto::SecretBox::load(folder_ / "seal.key");
    }

    void run_sql(const std::string& sql) const {
        sqlite3* handle = nullptr;
        ASSERT_EQ(sqlite3_open(file().c_str(), &handle), SQLITE_OK);
        EXPECT_EQ(sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK);
        sqlite3_close(handle);
    }

    void expect_refusal(const std::string& part_of_text) const {
        try {
            open();
            FAIL() << "it was opened";
        } catch (const StartupError& error) {
            const std::string text = error.what();
            EXPECT_NE(text.find(file().string()), std::string::npos) << text;
            EXPECT_NE(text.find(part_of_text), std::string::npos) << text;
        }
    }

    test::TemporaryFolder folder_;
};

TEST_F(StoreTest, MakesAPrivateFileThatCanBeOpenedAgain) {
    fill(*open());
    const auto permissions = std::filesystem::status(file()).permissions();
    EXPECT_EQ(permissions,
              std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    const auto store = open();
    const auto user = store->find_user(alice);
    ASSERT_TRUE(user && *user);
    EXPECT_EQ((*user)->password_hash, "hash");
    EXPECT_EQ((*user)->created_at, noon);
}

TEST_F(StoreTest, KnowsTheKeyItWasSealedWith) {
    const auto box = box_of('a');
    EXPECT_TRUE(*open()->is_sealed_by(box));
    EXPECT_TRUE(*open()->is_sealed_by(box));
    EXPECT_FALSE(*open()->is_sealed_by(box_of('b')));
    EXPECT_TRUE(*open()->is_sealed_by(box)) << "the refusal changed nothing";
}

TEST_F(StoreTest, JudgesADatabaseOfTheFirstSchemaByItsPasswords) {
    const auto box = box_of('a');
    {
        const Target target{"prod", "db.internal", 5432, "shop", "require", {}};
        const std::string sealed = box.seal(Secret("canary-password"));
        ASSERT_TRUE(open()->add_target(target, {{"app", sealed}}, event("target_added")));
    }
    run_sql("DROP TABLE seal_check; PRAGMA user_version = 1");
    EXPECT_FALSE(*open()->is_sealed_by(box_of('b')));
    EXPECT_TRUE(*open()->is_sealed_by(box));
}

TEST_F(StoreTest, RefusesTheSameUserTwiceAndWritesNothingOfIt) {
    const auto store = open();
    ASSERT_TRUE(store->add_user(new_user(alice), event("user_added")));
    const auto again = store->add_user(new_user(alice), event("user_added"));
    ASSERT_FALSE(again);
    EXPECT_TRUE(is(again.error(), StoreErrc::conflict));
    EXPECT_EQ(store->list_audit("user_added", 10)->size(), 1U);
}

TEST_F(StoreTest, ReportsWhatDoesNotExist) {
    const auto store = open();
    fill(*store);
    EXPECT_TRUE(is(store->remove_user("bob@x", event("e")).error(), StoreErrc::not_found));
    EXPECT_TRUE(is(store->remove_target("test", event("e")).error(), StoreErrc::not_found));
    EXPECT_TRUE(is(store->remove_grant(99, event("e")).error(), StoreErrc::not_found));
    EXPECT_TRUE(is(store->add_grant(Grant{0, "bob@x", "a", "b", "prod"}, event("e")).error(),
                   StoreErrc::not_found));
    EXPECT_TRUE(is(store->add_grant(Grant{0, alice, "a", "b", "test"}, event("e")).error(),
                   StoreErrc::not_found));
    EXPECT_TRUE(
        is(store->set_target_role("test", {"a", "p"}, event("e")).error(), StoreErrc::not_found));
    EXPECT_TRUE(store->list_audit("e", 10)->empty());
}

TEST_F(StoreTest, RemovingATargetRemovesItsGrantsAndRoles) {
    const auto store = open();
    fill(*store);
    ASSERT_TRUE(store->remove_target("prod", event("target_removed")));
    EXPECT_TRUE(store->list_grants()->empty());
    EXPECT_TRUE(store->list_targets()->empty());
}

TEST_F(StoreTest, ChangingAUserEndsItsSessions) {
    const auto store = open();
    fill(*store);
    const User user = **store->find_user(alice);
    ASSERT_TRUE(store->add_web_session(WebSession{"token", user, noon, noon}, event("sign_in")));
    ASSERT_TRUE(store->find_web_session("token")->has_value());
    ASSERT_TRUE(store->change_user(alice, {std::nullopt, true}, event("user_changed")));
    EXPECT_FALSE(store->find_web_session("token")->has_value());
    EXPECT_TRUE((*store->find_user(alice))->disabled);
}

TEST_F(StoreTest, ReadsTheFactsOfADecisionTogether) {
    const auto store = open();
    fill(*store);
    ASSERT_TRUE(store->add_link(start_link(test::sample_registration(), noon)));
    const auto facts = store->find_link(link_id, alice);
    ASSERT_TRUE(facts && *facts);
    EXPECT_EQ((*facts)->session.client.application_name, "psql");
    EXPECT_EQ((*facts)->target->host, "db.internal");
    EXPECT_EQ((*facts)->sealed_password, "sealed");
    EXPECT_EQ((*facts)->grants.size(), 1U);
    EXPECT_FALSE(store->find_link("unknown1", alice)->has_value());
}

TEST_F(StoreTest, WritesAStepAndItsAuditTogether) {
    const auto store = open();
    fill(*store);
    ASSERT_TRUE(store->add_link(start_link(test::sample_registration(), noon)));
    const auto changed = store->change_link(link_id, alice, [](const LinkFacts& facts) {
        return open_link(facts.session, alice, noon);
    });
    ASSERT_TRUE(changed && *changed && **changed);
    EXPECT_EQ((*store->find_link(link_id, ""))->session.claimed_by, alice);
    EXPECT_EQ(store->list_audit("opened", 10)->size(), 1U);

    const auto refused = store->change_link(link_id, "bob@x", [](const LinkFacts& facts) {
        return open_link(facts.session, "bob@x", noon);
    });
    EXPECT_EQ((**refused).error(), LinkRefusal::claimed);
    EXPECT_EQ(store->list_audit("opened", 10)->size(), 1U);
}

TEST_F(StoreTest, FindsLinksWhoseTimeIsUp) {
    const auto store = open();
    ASSERT_TRUE(store->add_link(start_link(test::sample_registration(), noon)));
    EXPECT_TRUE(store->due_links(noon + std::chrono::seconds(119), 10)->empty());
    EXPECT_EQ(store->due_links(noon + std::chrono::seconds(120), 10)->size(), 1U);
    EXPECT_EQ(*store->count_open_links(), 1);
    EXPECT_TRUE(is(store->add_link(start_link(test::sample_registration(), noon)).error(),
                   StoreErrc::conflict));
}

TEST_F(StoreTest, ListsLinksOfAUserAndByState) {
    const auto store = open();
    ASSERT_TRUE(store->add_link(start_link(test::sample_registration(), noon)));
    EXPECT_EQ(store->list_links({})->size(), 1U);
    EXPECT_TRUE(store->list_links({{}, alice, 10})->empty());
    EXPECT_TRUE(store->list_links({{LinkState::denied}, "", 10})->empty());
    EXPECT_EQ(store->list_links({{LinkState::requested, LinkState::opened}, "", 10})->size(), 1U);
}

TEST_F(StoreTest, RefusesAFileThatIsNoDatabase) {
    std::ofstream(file()) << std::string(8192, 'x');
    expect_refusal("damaged");
}

TEST_F(StoreTest, RefusesADamagedDatabase) {
    fill(*open());
    {
        std::fstream damaged(file(), std::ios::in | std::ios::out | std::ios::binary);
        damaged.seekp(4096 * 3);
        damaged << std::string(4096 * 3, '\x7e');
    }
    expect_refusal("damaged");
}

TEST_F(StoreTest, RefusesATruncatedDatabase) {
    fill(*open());
    std::filesystem::resize_file(file(), 9000);
    expect_refusal("damaged");
}

TEST_F(StoreTest, LeavesTheDatabaseOfAnotherProgramAsItIs) {
    run_sql("CREATE TABLE recipe (name TEXT)");
    const auto read_all = [&] {
        std::ifstream in(file(), std::ios::binary);
        return std::string(std::istreambuf_iterator<char>(in), {});
    };
    const std::string before = read_all();
    expect_refusal("another program");
    EXPECT_EQ(read_all(), before);
}

TEST_F(StoreTest, RefusesANewerSchema) {
    open();
    run_sql("PRAGMA user_version = 99");
    expect_refusal("version 99");
}

TEST_F(StoreTest, RefusesAMissingFolderAndAFolder) {
    EXPECT_THROW(Store::open(folder_ / "missing" / "auth.db"), StartupError);
    std::filesystem::create_directory(file());
    expect_refusal("folder");
}

// A limit of pages behaves as a full disk does: SQLITE_FULL in the middle of a transaction.
TEST_F(StoreTest, AFullDiskLeavesNothingHalfWritten) {
    auto database = Database::open(file());
    ASSERT_TRUE(database);
    ASSERT_TRUE(database->execute("CREATE TABLE t (x TEXT); PRAGMA max_page_count = 3;"));
    {
        Transaction transaction(*database);
        ASSERT_TRUE(transaction.begun());
        ASSERT_TRUE(database->execute("INSERT INTO t VALUES ('small')"));
        const std::string large(40'000, 'x');
        Statement insert(*database, "INSERT INTO t VALUES (?)", large);
        const auto full = insert.run();
        ASSERT_FALSE(full);
        EXPECT_TRUE(is(full.error(), StoreErrc::full));
        EXPECT_EQ(full.error().kind, ErrorKind::storage);
    }
    Statement count(*database, "SELECT count(*) FROM t");
    ASSERT_TRUE(*count.step());
    EXPECT_EQ(count.integer(0), 0);
}

}  // namespace
}  // namespace sluice::auth
