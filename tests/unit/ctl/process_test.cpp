#include "ctl/process.hpp"

#include "common/base/startup_error.hpp"
#include "ctl/files.hpp"

#include <gtest/gtest.h>

#include <signal.h>
#include <unistd.h>

namespace sluice::ctl {
namespace {

namespace fs = std::filesystem;

class DaemonTest : public testing::Test {
protected:
    DaemonTest() {
        std::string name = testing::TempDir() + "process_test.XXXXXX";
        folder_ = ::mkdtemp(name.data());
    }
    ~DaemonTest() override { fs::remove_all(folder_); }

    fs::path pid_file() const { return folder_ / "x.pid"; }
    fs::path log() const { return folder_ / "x.log"; }

    fs::path folder_;
};

TEST(PidFile, ReadsBackWhatItWrote) {
    const ProcessId id{123, 456789, "7c3a"};

    EXPECT_EQ(render(id).substr(0, 4), "123\n");
    EXPECT_EQ(parse_pid_file(render(id)), id);
}

TEST(PidFile, RefusesAnythingElse) {
    for (const char* text : {"",
                             "123",
                             "123\n",
                             "1\n2\nx\n",
                             "-5\n2\nx\n",
                             "12\n2\n\n",
                             "a\nb\nc\n",
                             "12\n2\nx\ny\n",
                             "12\n2\nx"}) {
        EXPECT_EQ(parse_pid_file(text), std::nullopt) << text;
    }
}

TEST(ProcessStat, SurvivesANameWithParentheses) {
    const auto stat = parse_process_stat(
        "7 (a) b (c) S 1 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 98765 10 20\n");

    ASSERT_TRUE(stat.has_value());
    EXPECT_TRUE(stat->alive);
    EXPECT_EQ(stat->start_ticks, 98765U);
}

TEST_F(DaemonTest, NoticesThatItsProgramWasReplaced) {
    const auto program = folder_ / "program";
    fs::copy_file("/bin/sleep", program);
    start_daemon({{program.string(), "1000"}, {}, false, {}}, log(), pid_file());
    const auto process = RunningProcess::from_pid_file(pid_file());
    ASSERT_TRUE(process.has_value());
    EXPECT_TRUE(process->runs(program));

    fs::remove(program);
    EXPECT_TRUE(process->runs(program)) << "nothing to compare with";
    fs::copy_file("/bin/sleep", program);
    EXPECT_FALSE(process->runs(program));

    process->signal(SIGKILL);
    EXPECT_TRUE(process->wait_for_end(std::chrono::seconds(30)));
}

TEST(ProcessStat, AZombieIsNotAlive) {
    const auto stat =
        parse_process_stat("7 (a) Z 1 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 98765 10 20\n");

    ASSERT_TRUE(stat.has_value());
    EXPECT_FALSE(stat->alive);
    EXPECT_EQ(parse_process_stat(""), std::nullopt);
    EXPECT_EQ(parse_process_stat("7 (a) S 1"), std::nullopt);
}

TEST_F(DaemonTest, RunsUntilItIsToldToEnd) {
    Command command;
    command.arguments = {"/bin/sleep", "600"};

    const auto pid = start_daemon(command, log(), pid_file());

    {
        const auto process = RunningProcess::from_pid_file(pid_file());
        ASSERT_TRUE(process.has_value());
        EXPECT_EQ(process->pid(), pid);
        EXPECT_EQ(::getsid(pid), pid);
        EXPECT_FALSE(process->wait_for_end(std::chrono::milliseconds(1)));
        process->signal(SIGTERM);
        EXPECT_TRUE(process->wait_for_end(std::chrono::seconds(10)));
    }
    EXPECT_FALSE(RunningProcess::from_pid_file(pid_file()).has_value());
    EXPECT_EQ(child_end(pid), "signal 15");
}

TEST_F(DaemonTest, AnotherProcessWithTheSameIdIsNotMistakenForIt) {
    Command command;
    command.arguments = {"/bin/sleep", "600"};
    const auto pid = start_daemon(command, log(), pid_file());
    const auto real = parse_pid_file(read_file(pid_file()));
    ASSERT_TRUE(real.has_value());

    auto older = *real;
    older.start_ticks -= 1;
    auto before_restart = *real;
    before_restart.boot_id = "another";

    const auto process = RunningProcess::open(*real);
    ASSERT_TRUE(process.has_value());
    EXPECT_FALSE(RunningProcess::open(older).has_value());
    EXPECT_FALSE(RunningProcess::open(before_restart).has_value());
    process->signal(SIGKILL);
    EXPECT_TRUE(process->wait_for_end(std::chrono::seconds(10)));
    EXPECT_EQ(child_end(pid), "signal 9");
}

TEST_F(DaemonTest, OutputGoesToTheLog) {
    Command command;
    command.arguments = {"/bin/sh", "-c", "echo to stdout; echo $GREETING >&2; pwd; exit 3"};
    command.environment = {{"GREETING", "to stderr"}};

    const auto pid = start_daemon(command, log(), pid_file());
    if (auto process = RunningProcess::from_pid_file(pid_file())) {
        process->wait_for_end(std::chrono::seconds(10));
    }

    EXPECT_EQ(read_file(log()), "to stdout\nto stderr\n/\n");
    EXPECT_EQ(child_end(pid), "exit status 3");
}

TEST_F(DaemonTest, AMissingProgramIsReportedAtOnce) {
    Command command;
    command.arguments = {"/nonexistent/program"};

    EXPECT_THROW(start_daemon(command, log(), pid_file()), StartupError);
    EXPECT_FALSE(fs::exists(pid_file()));
}

TEST(RunCommand, GivesStatusAndOutput) {
    Command command;
    command.arguments = {"/bin/sh", "-c", "echo out; echo problem >&2; exit 4"};
    command.clean_environment = true;

    const auto result = run_command(command);

    EXPECT_EQ(result.status, 4);
    EXPECT_EQ(result.output, "out\nproblem\n");
}

}  // namespace
}  // namespace sluice::ctl
