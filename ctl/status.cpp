#include "ctl/status.hpp"

#include "common/base/text.hpp"
#include "ctl/cluster_folder.hpp"
#include "ctl/commands.hpp"
#include "ctl/parts.hpp"
#include "ctl/process.hpp"
#include "ctl/sql.hpp"
#include "ctl/table.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>

namespace sluice::ctl {

namespace {

constexpr std::chrono::milliseconds probe_timeout{3'000};

bool probe_admin(const std::optional<config::HostPort>& admin, std::string& reason) {
    if (!admin) {
        reason = "no admin.listen in its configuration";
        return false;
    }
    return is_ready(*admin, probe_timeout, reason);
}

bool probe_postgres(const ClusterFile& file, std::string& reason) {
    const SqlServer server{file.postgres_socket.string(), file.ports.postgres, "postgres"};
    const auto result = run_sql(server, "postgres", "SELECT 1", probe_timeout);
    if (!result) reason = result.error().message();
    return result.has_value();
}

std::string address_of(const Addresses& addresses, const std::string& part) {
    if (part == "postgres") return addresses.postgres.to_string();
    if (part == "auth") return addresses.public_url;
    std::string all;
    for (const auto& listener : addresses.proxy_listeners) {
        all += (all.empty() ? "" : " ") + listener.to_string();
    }
    return all;
}

PartStatus status_of(const Cluster& cluster, const Addresses& addresses, const std::string& part) {
    PartStatus status{part, "not running", "", address_of(addresses, part), "", ""};
    const auto process = RunningProcess::from_pid_file(cluster.paths.pid_file(part));
    if (!process) return status;
    status.pid = std::to_string(process->pid());
    const auto started = std::chrono::system_clock::to_time_t(process->started());
    status.since = fmt::format("{:%Y-%m-%d %H:%M:%S}", fmt::localtime(started));
    const bool ready = part == "postgres" ? probe_postgres(cluster.file, status.problem)
                       : part == "auth"   ? probe_admin(addresses.auth_admin, status.problem)
                                          : probe_admin(addresses.proxy_admin, status.problem);
    status.state = ready ? "ready" : "not ready";
    if (ready) status.problem.clear();
    return status;
}

}  // namespace

std::string format_status(const std::vector<PartStatus>& parts) {
    std::vector<std::vector<std::string>> rows{{"PART", "STATE", "PID", "ADDRESS", "SINCE"}};
    for (const auto& part : parts) {
        rows.push_back({part.part,
                        part.state,
                        part.pid.empty() ? "-" : part.pid,
                        part.address,
                        part.since.empty() ? "-" : part.since});
    }
    auto text = format_table(rows);
    for (const auto& part : parts) {
        if (part.problem.empty()) continue;
        text += fmt::format("{}: {}\n", part.part, printable(part.problem));
    }
    return text;
}

int run(const StatusOptions& options) {
    const auto cluster = Cluster::open(options.dir);
    const auto addresses = read_addresses(cluster.paths, cluster.file);
    std::vector<PartStatus> parts;
    for (const auto part : part_names) {
        parts.push_back(status_of(cluster, addresses, std::string(part)));
    }
    fmt::print("{}", format_status(parts));
    const bool all_ready = std::all_of(
        parts.begin(), parts.end(), [](const PartStatus& part) { return part.state == "ready"; });
    return all_ready ? exit_status::ok : exit_status::not_running;
}

}  // namespace sluice::ctl
