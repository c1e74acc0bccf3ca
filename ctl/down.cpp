#include "common/base/startup_error.hpp"
#include "ctl/cluster_folder.hpp"
#include "ctl/commands.hpp"
#include "ctl/files.hpp"
#include "ctl/parts.hpp"
#include "ctl/postgres.hpp"
#include "ctl/process.hpp"
#include "ctl/progress.hpp"
#include "ctl/question.hpp"

#include <fmt/format.h>

#include <signal.h>

namespace sluice::ctl {

namespace fs = std::filesystem;

namespace {

constexpr std::chrono::milliseconds after_kill{10'000};

// Signals to try in turn; PostgreSQL: fast shutdown, immediate shutdown, kill.
std::vector<int> stop_signals(std::string_view part) {
    if (part == "postgres") return {SIGINT, SIGQUIT, SIGKILL};
    return {SIGTERM, SIGKILL};
}

std::string stop(const Cluster& cluster,
                 const std::string& part,
                 std::chrono::milliseconds timeout) {
    const auto pid_file = cluster.paths.pid_file(part);
    const auto process = RunningProcess::from_pid_file(pid_file);
    std::string how = "was not running";
    if (process) {
        how.clear();
        for (const int number : stop_signals(part)) {
            process->signal(number);
            if (process->wait_for_end(how.empty() ? timeout : after_kill)) break;
            how = fmt::format("did not stop within {} s, killed", timeout.count() / 1000);
            if (number == SIGKILL) {
                throw StartupError(
                    fmt::format("{} (process {}) cannot be killed", part, process->pid()));
            }
        }
        if (how.empty()) how = "stopped";
    }
    fs::remove(pid_file);
    return how;
}

// Deletes what sluicectl made and nothing else; cluster.yaml last, so that an interrupted deletion
// can be repeated.
void destroy(const Cluster& cluster, Progress& progress) {
    const auto& paths = cluster.paths;
    const auto outside = outside_folder(paths);
    for (const auto& folder : {cluster.file.postgres_data, cluster.file.postgres_socket}) {
        if (folder.parent_path() == outside) fs::remove_all(outside);
    }
    if (cluster.file.postgres_socket.filename() == "sluice-" + paths.short_name()) {
        fs::remove_all(cluster.file.postgres_socket);
    }
    for (const char* name : {"run",
                             "postgres",
                             "postgres.new",
                             "auth",
                             "log",
                             "keys",
                             "tls",
                             "ca",
                             "proxy.yaml",
                             "auth.yaml",
                             "first-sign-in.txt",
                             "cluster.yaml"}) {
        fs::remove_all(paths.root / name);
    }
    std::error_code error;
    fs::remove(paths.root, error);
    progress.done(
        "data",
        error ? fmt::format("deleted; {} holds other files", paths.root.string()) : "deleted");
}

}  // namespace

int run(const DownOptions& options) {
    const auto cluster = Cluster::open(options.dir);
    if (options.destroy && !options.yes) {
        require_yes(fmt::format("Delete {} with all its data?", cluster.paths.root.string()));
    }
    const FolderLock lock(cluster.paths.root);
    Progress progress;
    for (auto part = part_names.rbegin(); part != part_names.rend(); ++part) {
        const std::string name(*part);
        progress.begin(name);
        progress.done(name, stop(cluster, name, options.timeout));
    }
    if (options.destroy) destroy(cluster, progress);
    return exit_status::ok;
}

}  // namespace sluice::ctl
