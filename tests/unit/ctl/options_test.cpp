#include "ctl/options.hpp"

#include "auth/core/audit_event.hpp"
#include "auth/core/link_session.hpp"

#include <gtest/gtest.h>

namespace sluice::ctl {
namespace {

template <class Options>
Options parse_as(const std::vector<std::string>& arguments) {
    const auto result = parse_command_line(arguments);
    if (const auto* finished = std::get_if<Finished>(&result)) {
        ADD_FAILURE() << finished->text;
        return {};
    }
    return std::get<Options>(result);
}

Finished finished(const std::vector<std::string>& arguments) {
    const auto result = parse_command_line(arguments);
    if (!std::holds_alternative<Finished>(result)) {
        ADD_FAILURE() << "was accepted";
        return {};
    }
    return std::get<Finished>(result);
}

TEST(CommandLine, UpHasDefaults) {
    const auto options = parse_as<UpOptions>({"up"});

    EXPECT_EQ(options.dir, ".sluice");
    EXPECT_FALSE(options.free_ports);
    EXPECT_EQ(options.ports, PortWishes{});
    EXPECT_EQ(options.postgres_bin, std::nullopt);
}

TEST(CommandLine, UpTakesPortsAndFolders) {
    const auto options = parse_as<UpOptions>({"up",
                                              "--dir",
                                              "/d",
                                              "--pg-bin",
                                              "/pg",
                                              "--proxy-port",
                                              "1",
                                              "--auth-admin-port",
                                              "6",
                                              "--timeout",
                                              "2m"});

    EXPECT_EQ(options.dir, "/d");
    EXPECT_EQ(options.postgres_bin, "/pg");
    EXPECT_EQ(options.ports[0], 1);
    EXPECT_EQ(options.ports[5], 6);
    EXPECT_EQ(options.ports[1], std::nullopt);
    EXPECT_EQ(options.timeout, std::chrono::minutes(2));
}

TEST(CommandLine, PsqlPassesOnWhatFollowsTheDashes) {
    const auto options =
        parse_as<PsqlOptions>({"psql", "--dir", "/d", "--", "-c", "select 1", "up"});

    EXPECT_EQ(options.dir, "/d");
    EXPECT_EQ(options.arguments, (std::vector<std::string>{"-c", "select 1", "up"}));
}

TEST(CommandLine, PsqlGoesToTheClustersOwnTarget) {
    EXPECT_EQ(parse_as<PsqlOptions>({"psql"}).target, "local");
    EXPECT_EQ(parse_as<PsqlOptions>({"psql", "--target", "shop"}).target, "shop");
}

TEST(CommandLine, LogsKnowsTheParts) {
    const auto options = parse_as<LogsOptions>({"logs", "proxy", "-f", "-n", "7"});

    EXPECT_EQ(options.part, "proxy");
    EXPECT_TRUE(options.follow);
    EXPECT_EQ(options.lines, 7U);
    EXPECT_EQ(finished({"logs", "pony"}).status, exit_status::usage);
}

TEST(CommandLine, OptionsOfAGroupMayStandBeforeOrAfterItsCommand) {
    const auto before = parse_as<UserAddOptions>({"user", "--dir", "/d", "add", "a@b.c"});
    const auto after = parse_as<UserAddOptions>({"user", "add", "a@b.c", "--dir", "/d"});

    EXPECT_EQ(before.api.dir, "/d");
    EXPECT_EQ(after.api.dir, "/d");
    EXPECT_EQ(after.email, "a@b.c");
    EXPECT_FALSE(after.password.generate);
}

TEST(CommandLine, ATargetCanComeWithARole) {
    const auto options = parse_as<TargetAddOptions>({"target",
                                                     "add",
                                                     "shop",
                                                     "--host",
                                                     "db",
                                                     "--port",
                                                     "6000",
                                                     "--tls",
                                                     "verify-full",
                                                     "--role",
                                                     "app",
                                                     "--password-file",
                                                     "-"});

    EXPECT_EQ(options.name, "shop");
    EXPECT_EQ(options.port, 6000);
    EXPECT_EQ(options.tls, "verify-full");
    EXPECT_EQ(options.role, "app");
    EXPECT_EQ(options.password.file, "-");
}

TEST(CommandLine, AGrantNamesUserRoleAndTarget) {
    const auto options = parse_as<GrantAddOptions>(
        {"grant", "add", "a@b.c", "--role", "app", "--database=shop", "--target", "local"});
    const auto any = parse_as<GrantAddOptions>(
        {"grant", "add", "--user", "a@b.c", "--role", "app", "--target", "local"});

    EXPECT_EQ(options.user, "a@b.c");
    EXPECT_EQ(options.database, "shop");
    EXPECT_EQ(any.user, "a@b.c");
    EXPECT_EQ(any.database, "*");
    EXPECT_EQ(finished({"grant", "add", "a@b.c", "--role", "app"}).status, exit_status::usage);
    EXPECT_EQ(finished({"grant", "add", "--role", "app", "--target", "local"}).text,
              "error: user is required\nRun with --help for more information.\n");
    const auto help = finished({"grant", "add", "--help"});
    EXPECT_EQ(help.status, exit_status::ok);
    EXPECT_EQ(help.text.find("--user"), std::string::npos) << help.text;
}

TEST(CommandLine, AuditTakesTheServerDirectly) {
    const auto options = parse_as<AuditOptions>({"audit",
                                                 "--auth-url",
                                                 "https://auth",
                                                 "--token-file",
                                                 "/t",
                                                 "--event",
                                                 "denied",
                                                 "--json"});

    EXPECT_EQ(options.api.auth_url, "https://auth");
    EXPECT_EQ(options.api.token_file, "/t");
    EXPECT_EQ(options.event, "denied");
    EXPECT_TRUE(options.api.json);
}

TEST(CommandLine, RefusesWhatItDoesNotKnow) {
    const std::vector<std::vector<std::string>> wrong{
        {},
        {"jump"},
        {"up", "--prot", "1"},
        {"up", "--proxy-port", "70000"},
        {"up", "--timeout", "soon"},
        {"user"},
        {"user", "add"},
        {"target", "add", "x", "--host", "h", "--tls", "maybe"},
        {"user", "add", "a@b.c", "--generate", "--password-file", "f"},
    };
    for (const auto& arguments : wrong) {
        SCOPED_TRACE(testing::PrintToString(arguments));
        const auto result = finished(arguments);
        EXPECT_EQ(result.status, exit_status::usage);
        EXPECT_TRUE(result.text.starts_with("error: ")) << result.text;
    }
}

TEST(CommandLine, ListsTheWordsThatSluiceAuthKnows) {
    // The help breaks lines, so words are compared without the spaces between.
    const auto words = [](std::string text) {
        std::erase_if(text, [](char c) { return c == ' ' || c == '\n'; });
        return text;
    };
    std::string events;
    for (const auto name : auth::audit_event_names) {
        events += (events.empty() ? "" : ",") + std::string(name);
    }
    std::string states;
    for (const auto state : auth::all_link_states) {
        states += (states.empty() ? "" : ",") + std::string(auth::to_string(state));
    }
    EXPECT_NE(words(finished({"audit", "--help"}).text).find(events), std::string::npos);
    EXPECT_NE(words(finished({"sessions", "--help"}).text).find(states), std::string::npos);
}

TEST(CommandLine, NamesAnUnknownCommand) {
    const auto problem = [](const std::vector<std::string>& arguments) {
        const auto text = finished(arguments).text;
        return text.substr(0, text.find('\n'));
    };

    EXPECT_EQ(problem({"stauts"}), "error: unknown command 'stauts' (did you mean 'status'?)");
    EXPECT_EQ(problem({"jump"}), "error: unknown command 'jump'");
    EXPECT_EQ(problem({"user", "--dir", "/d", "lst"}),
              "error: unknown command 'lst' (did you mean 'list'?)");
    EXPECT_EQ(problem({"psql", "stauts", "--jump"}),
              "error: The following argument was not expected: --jump");
}

TEST(CommandLine, HelpIsACommandToo) {
    EXPECT_EQ(finished({"help"}).text, finished({"--help"}).text);
    EXPECT_EQ(finished({"help", "user", "add"}).text, finished({"user", "add", "--help"}).text);
    EXPECT_EQ(finished({"help", "up"}).status, exit_status::ok);
    EXPECT_EQ(finished({"help", "upp"}).status, exit_status::usage);
}

TEST(CommandLine, EveryCommandExplainsItself) {
    for (const std::string name : {"up",
                                   "down",
                                   "status",
                                   "logs",
                                   "psql",
                                   "user",
                                   "target",
                                   "grant",
                                   "sessions",
                                   "audit",
                                   "wal"}) {
        const auto result = finished({name, "--help"});
        EXPECT_EQ(result.status, exit_status::ok);
        EXPECT_NE(result.text.find("sluicectl " + name), std::string::npos) << result.text;
        EXPECT_NE(finished({"--help"}).text.find("\n  " + name), std::string::npos);
    }
}

TEST(CommandLine, WalCraftTakesAShapeAndAConnection) {
    const auto options = parse_as<WalCraftOptions>(
        {"wal", "craft", "last_wal_record_xlog_switch", "--connection", "host=/tmp", "--json"});

    EXPECT_EQ(options.shape, WalShape::last_wal_record_xlog_switch);
    EXPECT_EQ(options.connection, "host=/tmp");
    EXPECT_TRUE(options.json);
    EXPECT_EQ(finished({"wal", "craft", "odd"}).status, exit_status::usage);
    EXPECT_EQ(finished({"wal", "craft"}).status, exit_status::usage);
    EXPECT_EQ(finished({"wal", "craft", "simple", "--password-file", "f"}).status,
              exit_status::usage);
}

TEST(CommandLine, WalDumpTakesFilesAndARange) {
    const auto options = parse_as<WalDumpOptions>({"wal",
                                                   "dump",
                                                   "/",
                                                   "--start",
                                                   "0/16B3748",
                                                   "--end",
                                                   "1/0",
                                                   "--timeline",
                                                   "2",
                                                   "--limit",
                                                   "5",
                                                   "--json"});

    EXPECT_EQ(options.paths, std::vector<std::filesystem::path>{"/"});
    EXPECT_EQ(options.start, Lsn(0x16B3748));
    EXPECT_EQ(options.end, Lsn(0x100000000));
    EXPECT_EQ(options.timeline, 2U);
    EXPECT_EQ(options.limit, 5U);
    EXPECT_EQ(options.format, WalDumpOptions::Format::json);
    EXPECT_EQ(finished({"wal", "dump", "/", "--start", "here"}).status, exit_status::usage);
    EXPECT_EQ(finished({"wal", "dump", "/", "--json", "--quiet"}).status, exit_status::usage);
    EXPECT_EQ(finished({"wal", "dump", "/nowhere"}).status, exit_status::usage);
    EXPECT_EQ(finished({"wal", "dump"}).status, exit_status::usage);
}

TEST(CommandLine, WalVerifyTakesAFolder) {
    const auto options = parse_as<WalVerifyOptions>({"wal", "verify", "/", "--archive"});

    EXPECT_EQ(options.folder, "/");
    EXPECT_TRUE(options.archive);
    EXPECT_EQ(options.timeline, std::nullopt);
    EXPECT_EQ(finished({"wal", "verify", "/etc/passwd"}).status, exit_status::usage);
    EXPECT_EQ(finished({"wal", "verify", "/", "--timeline", "0"}).status, exit_status::usage);
}

}  // namespace
}  // namespace sluice::ctl
