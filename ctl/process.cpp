#include "ctl/process.hpp"

#include "common/base/startup_error.hpp"
#include "ctl/files.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

// This header of glibc 2.36 does not declare its functions as C.
extern "C" {
#include <sys/pidfd.h>
}

extern char** environ;

namespace sluice::ctl {

namespace {

template <class Number>
std::optional<Number> to_number(std::string_view text) {
    Number number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return number;
}

std::string read_proc(const std::string& name) {
    std::ifstream stream("/proc/" + name);
    std::ostringstream text;
    text << stream.rdbuf();
    return text.str();
}

std::string boot_id() {
    auto text = read_proc("sys/kernel/random/boot_id");
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
}

std::optional<ProcessStat> stat_of(pid_t pid) {
    return parse_process_stat(read_proc(std::to_string(pid) + "/stat"));
}

// argv and envp as execve(2) wants them; made before fork, because the child must not allocate.
class ExecArguments {
public:
    explicit ExecArguments(const Command& command) : arguments_(command.arguments) {
        if (command.clean_environment) {
            for (const char* name : {"PATH", "TZ", "LANG"}) {
                if (const char* value = std::getenv(name)) add(name, value);
            }
        } else {
            for (char** entry = environ; *entry != nullptr; ++entry) {
                environment_.emplace_back(*entry);
            }
        }
        for (const auto& [name, value] : command.environment) add(name, value);
        for (auto& text : arguments_) argv_.push_back(text.data());
        for (auto& text : environment_) envp_.push_back(text.data());
        argv_.push_back(nullptr);
        envp_.push_back(nullptr);
    }
    char* const* argv() const { return argv_.data(); }
    char* const* envp() const { return envp_.data(); }

private:
    void add(const std::string& name, const std::string& value) {
        std::erase_if(environment_,
                      [&](const std::string& entry) { return entry.starts_with(name + "="); });
        environment_.push_back(name + "=" + value);
    }

    std::vector<std::string> arguments_;
    std::vector<std::string> environment_;
    std::vector<char*> argv_;
    std::vector<char*> envp_;
};

struct Started {
    pid_t pid = 0;
    int exec_errno = 0;  // 0: the program runs
};

// Runs in the child: never returns.
[[noreturn]] void become_program(const Command& command,
                                 const ExecArguments& arguments,
                                 int output,
                                 int report) {
    ::setsid();
    const int input = ::open("/dev/null", O_RDONLY);
    int error = ::dup2(input, STDIN_FILENO) < 0 || ::dup2(output, STDOUT_FILENO) < 0 ||
                        ::dup2(output, STDERR_FILENO) < 0 || ::chdir("/") != 0
                    ? errno
                    : 0;
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGCHLD}) {
        ::signal(number, SIG_DFL);
    }
    if (error == 0 && command.user) error = become(*command.user);
    if (error == 0) {
        ::execve(arguments.argv()[0], arguments.argv(), arguments.envp());
        error = errno;
    }
    [[maybe_unused]] const auto written = ::write(report, &error, sizeof error);
    ::_exit(127);
}

Started start(const Command& command, int output) {
    const ExecArguments arguments(command);
    std::array<int, 2> report{};
    if (::pipe2(report.data(), O_CLOEXEC) != 0) {
        throw StartupError(fmt::format("pipe: {}", std::strerror(errno)));
    }
    const pid_t pid = ::fork();
    if (pid == 0) become_program(command, arguments, output, report[1]);
    ::close(report[1]);
    Started started{pid, pid < 0 ? errno : 0};
    if (pid > 0) {
        // End of file means that the pipe was closed by a successful exec.
        int error = 0;
        if (::read(report[0], &error, sizeof error) == sizeof error) started.exec_errno = error;
    }
    ::close(report[0]);
    return started;
}

void require_started(const Started& started, const Command& command) {
    if (started.exec_errno == 0) return;
    if (started.pid > 0) ::waitpid(started.pid, nullptr, 0);
    throw StartupError(fmt::format("cannot run {}{}: {}",
                                   command.arguments.front(),
                                   command.user ? " as user " + command.user->name : "",
                                   std::strerror(started.exec_errno)));
}

}  // namespace

std::optional<ProcessId> parse_pid_file(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const auto end = text.find('\n');
        if (end == std::string_view::npos) return std::nullopt;
        lines.push_back(text.substr(0, end));
        text.remove_prefix(end + 1);
    }
    if (lines.size() != 3) return std::nullopt;
    const auto pid = to_number<pid_t>(lines[0]);
    const auto ticks = to_number<std::uint64_t>(lines[1]);
    if (!pid || *pid <= 1 || !ticks || lines[2].empty()) return std::nullopt;
    return ProcessId{*pid, *ticks, std::string(lines[2])};
}

std::string render(const ProcessId& id) {
    return fmt::format("{}\n{}\n{}\n", id.pid, id.start_ticks, id.boot_id);
}

std::optional<ProcessStat> parse_process_stat(std::string_view text) {
    // The second field, the program's name, may itself hold spaces and parentheses.
    const auto name_end = text.rfind(") ");
    if (name_end == std::string_view::npos) return std::nullopt;
    std::istringstream fields{std::string(text.substr(name_end + 2))};
    std::string field;
    if (!(fields >> field)) return std::nullopt;
    ProcessStat stat;
    stat.alive = field != "Z" && field != "X";
    constexpr int fields_between = 19;  // state is field 3, the start time field 22
    for (int i = 0; i < fields_between; ++i) {
        if (!(fields >> field)) return std::nullopt;
    }
    const auto ticks = to_number<std::uint64_t>(field);
    if (!ticks) return std::nullopt;
    stat.start_ticks = *ticks;
    return stat;
}

std::optional<RunningProcess> RunningProcess::from_pid_file(const std::filesystem::path& file) {
    if (!std::filesystem::exists(file)) return std::nullopt;
    const auto id = parse_pid_file(read_file(file));
    if (!id) return std::nullopt;
    return open(*id);
}

std::optional<RunningProcess> RunningProcess::open(const ProcessId& id) {
    if (id.boot_id != boot_id()) return std::nullopt;
    const int descriptor = ::pidfd_open(id.pid, 0);
    if (descriptor < 0) {
        if (errno == ESRCH) return std::nullopt;
        throw StartupError(
            fmt::format("cannot watch process {}: {}", id.pid, std::strerror(errno)));
    }
    RunningProcess process(id, descriptor);
    // Checked after the descriptor was opened: from here on the id cannot be given away.
    const auto stat = stat_of(id.pid);
    if (!stat || !stat->alive || stat->start_ticks != id.start_ticks) return std::nullopt;
    return process;
}

RunningProcess::~RunningProcess() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

WallTime RunningProcess::started() const {
    const auto uptime = std::strtod(read_proc("uptime").c_str(), nullptr);
    const auto started =
        static_cast<double>(id_.start_ticks) / static_cast<double>(::sysconf(_SC_CLK_TCK));
    const auto age = std::chrono::duration<double>(uptime - started);
    return std::chrono::system_clock::now() -
           std::chrono::duration_cast<std::chrono::system_clock::duration>(age);
}

bool RunningProcess::runs(const std::filesystem::path& program) const {
    struct stat running {};
    struct stat now {};
    // This link leads to the file itself, also after its name was given to another one.
    const auto link = fmt::format("/proc/{}/exe", id_.pid);
    if (::stat(link.c_str(), &running) != 0 || ::stat(program.c_str(), &now) != 0) return true;
    return running.st_dev == now.st_dev && running.st_ino == now.st_ino;
}

void RunningProcess::signal(int number) const {
    if (::pidfd_send_signal(descriptor_, number, nullptr, 0) != 0 && errno != ESRCH) {
        throw StartupError(
            fmt::format("cannot signal process {}: {}", id_.pid, std::strerror(errno)));
    }
}

bool RunningProcess::wait_for_end(std::chrono::milliseconds timeout) const {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    while (true) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        pollfd entry{descriptor_, POLLIN, 0};
        const int ready = ::poll(&entry, 1, static_cast<int>(std::max<long>(left.count(), 0)));
        if (ready > 0) return true;
        if (ready == 0 || errno != EINTR) return false;
    }
}

pid_t start_daemon(const Command& command,
                   const std::filesystem::path& log,
                   const std::filesystem::path& pid_file) {
    const int output = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (output < 0) {
        throw StartupError(fmt::format("cannot open {}: {}", log.string(), std::strerror(errno)));
    }
    const auto started = start(command, output);
    ::close(output);
    require_started(started, command);
    const auto stat = stat_of(started.pid);
    write_file(
        pid_file, render(ProcessId{started.pid, stat ? stat->start_ticks : 0, boot_id()}), 0600);
    return started.pid;
}

std::optional<std::string> child_end(pid_t pid) {
    int status = 0;
    if (::waitpid(pid, &status, WNOHANG) != pid) return std::nullopt;
    if (WIFSIGNALED(status)) return fmt::format("signal {}", WTERMSIG(status));
    return fmt::format("exit status {}", WEXITSTATUS(status));
}

CommandResult run_command(const Command& command) {
    std::array<int, 2> output{};
    if (::pipe2(output.data(), O_CLOEXEC) != 0) {
        throw StartupError(fmt::format("pipe: {}", std::strerror(errno)));
    }
    const auto started = start(command, output[1]);
    ::close(output[1]);
    CommandResult result;
    std::array<char, 4096> buffer{};
    while (started.exec_errno == 0) {
        const auto count = ::read(output[0], buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) break;
        result.output.append(buffer.data(), static_cast<std::size_t>(count));
    }
    ::close(output[0]);
    require_started(started, command);
    int status = 0;
    while (::waitpid(started.pid, &status, 0) < 0 && errno == EINTR) {
    }
    result.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return result;
}

}  // namespace sluice::ctl
