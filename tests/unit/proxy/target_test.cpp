#include "proxy/routing/target.hpp"

#include <gtest/gtest.h>

namespace sluice::proxy {
namespace {

const std::vector<std::string> domains = {"example.com", "db.example.com", "localhost"};

pg::StartupMessage with_options(std::string options) {
    pg::StartupMessage message;
    message.parameters.emplace_back("user", "alice");
    if (!options.empty()) message.parameters.emplace_back("options", std::move(options));
    return message;
}

TEST(ChooseTarget, FindsNoneWhenTheClientNamesNone) {
    const auto choice = choose_target(with_options(""), "", domains);
    ASSERT_TRUE(choice);
    EXPECT_EQ(choice->target, "");
    EXPECT_EQ(choice->remaining_options, "");
}

TEST(ChooseTarget, ReadsTheServerNameOfTls) {
    struct Case {
        const char* server_name;
        const char* target;
    };
    const Case cases[] = {
        {"prod.example.com", "prod"},
        {"PROD.Example.COM", "prod"},
        {"example.com", ""},
        {".example.com", ""},
        {"prod.example.org", ""},
        {"prodexample.com", ""},
        {"prod.localhost", "prod"},
        {"localhost", ""},
        {"prod.db.example.com", "prod"},
        {"", ""},
        {"eu.prod.example.com", "eu.prod"},
    };
    for (const Case& one : cases) {
        SCOPED_TRACE(one.server_name);
        const auto choice = choose_target(with_options(""), one.server_name, domains);
        ASSERT_TRUE(choice);
        EXPECT_EQ(choice->target, one.target);
    }
}

TEST(ChooseTarget, TakesItsTokensOutOfTheOptions) {
    struct Case {
        const char* options;
        const char* target;
        const char* remaining;
    };
    const Case cases[] = {
        {"target=prod", "prod", ""},
        {"endpoint=ep-cool-123", "ep-cool-123", ""},
        {"project=p_1", "p_1", ""},
        {"-c search_path=x target=prod", "prod", "-c search_path=x"},
        {"  target=prod   -c  a=b ", "prod", "-c a=b"},
        {"-c geqo=off", "", "-c geqo=off"},
        {"-c a=two\\ words target=prod", "prod", "-c a=two\\ words"},
        {"-c a=back\\\\slash target=prod", "prod", "-c a=back\\\\slash"},
        {"target=pr\\od", "prod", ""},
        {"-ctarget=x", "", "-ctarget=x"},
    };
    for (const Case& one : cases) {
        SCOPED_TRACE(one.options);
        const auto choice = choose_target(with_options(one.options), "", domains);
        ASSERT_TRUE(choice);
        EXPECT_EQ(choice->target, one.target);
        EXPECT_EQ(choice->remaining_options, one.remaining);
    }
}

TEST(ChooseTarget, AcceptsTheSameTargetTwice) {
    const auto choice = choose_target(with_options("target=Prod"), "prod.example.com", domains);
    ASSERT_TRUE(choice);
    EXPECT_EQ(choice->target, "Prod");
}

TEST(ChooseTarget, RefusesWhatIsAmbiguousOrNoName) {
    struct Case {
        std::string options;
        std::string server_name;
        const char* text;
    };
    const Case cases[] = {
        {"target=a",
         "b.example.com",
         "the target in the options and the one in the TLS server name differ"},
        {"target=a endpoint=a", "", "the option \"target\" is given more than once"},
        {"target=", "", "the target name may hold only letters, digits, '-', '_' and '.'"},
        {"target=a/b", "", "the target name may hold only letters, digits, '-', '_' and '.'"},
        {"target=a\\ b", "", "the target name may hold only letters, digits, '-', '_' and '.'"},
        {"target=\xC3\xA4", "", "the target name may hold only letters, digits, '-', '_' and '.'"},
        {"target=" + std::string(64, 'a'),
         "",
         "the target name may hold only letters, digits, '-', '_' and '.'"},
        {"", "a b.example.com", "the target name may hold only letters, digits, '-', '_' and '.'"},
        {"", "a\n.example.com", "the target name may hold only letters, digits, '-', '_' and '.'"},
    };
    for (const Case& one : cases) {
        SCOPED_TRACE(one.options + " " + one.server_name);
        const auto choice = choose_target(with_options(one.options), one.server_name, domains);
        ASSERT_FALSE(choice);
        EXPECT_EQ(choice.error().kind, ErrorKind::client);
        EXPECT_EQ(choice.error().detail, one.text);
    }
}

}  // namespace
}  // namespace sluice::proxy
