#pragma once

#include "common/base/time.hpp"
#include "ctl/os_user.hpp"

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::ctl {

// Which process is meant, for good: its id, when it started, and in which run of the machine.
// A process that got the same id later is another one.
struct ProcessId {
    pid_t pid = 0;
    std::uint64_t start_ticks = 0;  // clock ticks since boot, /proc/<pid>/stat field 22
    std::string boot_id;

    bool operator==(const ProcessId&) const = default;
};

// Three lines: pid, start_ticks, boot_id. nullopt when malformed.
std::optional<ProcessId> parse_pid_file(std::string_view text);
std::string render(const ProcessId& id);

// Field 22 of /proc/<pid>/stat, and whether the process has not ended yet.
struct ProcessStat {
    std::uint64_t start_ticks = 0;
    bool alive = false;  // false for a zombie
};
std::optional<ProcessStat> parse_process_stat(std::string_view text);

// A process that runs now, held by a descriptor so that signals cannot reach another one.
class RunningProcess {
public:
    // nullopt when there is no pid file, or the process it names has ended.
    static std::optional<RunningProcess> from_pid_file(const std::filesystem::path& file);
    static std::optional<RunningProcess> open(const ProcessId& id);

    RunningProcess(RunningProcess&& other) noexcept
        : id_(other.id_), descriptor_(std::exchange(other.descriptor_, -1)) {}
    RunningProcess& operator=(RunningProcess&&) = delete;
    ~RunningProcess();

    pid_t pid() const { return id_.pid; }
    WallTime started() const;
    // False when it runs another file than `program` is now: one that was replaced since. What
    // cannot be found out counts as the same.
    bool runs(const std::filesystem::path& program) const;
    void signal(int number) const;
    // True when it ended within the time.
    bool wait_for_end(std::chrono::milliseconds timeout) const;

private:
    RunningProcess(ProcessId id, int descriptor) : id_(std::move(id)), descriptor_(descriptor) {}

    ProcessId id_;
    int descriptor_;
};

struct Command {
    std::vector<std::string> arguments;  // [0] is the program's path
    // Set in the environment of the new process; with `clean` nothing else is, but PATH, TZ, LANG.
    std::vector<std::pair<std::string, std::string>> environment;
    bool clean_environment = false;
    std::optional<OsUser> user;  // nullopt: as this process
};

// Starts a process that outlives this one: a session of its own, no input, output appended to
// `log`, current folder "/". Writes `pid_file`. Throws StartupError when it cannot be executed.
pid_t start_daemon(const Command& command,
                   const std::filesystem::path& log,
                   const std::filesystem::path& pid_file);

// How a child of this process ended ("exit status 1", "signal 11"); nullopt while it runs or
// when `pid` is not a child.
std::optional<std::string> child_end(pid_t pid);

struct CommandResult {
    int status = 0;      // exit status; 128 + number for a signal
    std::string output;  // both streams
};
// Runs a command to its end in folder "/", without input. Throws StartupError when it cannot be
// executed.
CommandResult run_command(const Command& command);

}  // namespace sluice::ctl
