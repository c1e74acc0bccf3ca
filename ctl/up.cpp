#include "common/base/startup_error.hpp"
#include "common/base/text.hpp"
#include "common/config/service_config.hpp"
#include "ctl/cluster_folder.hpp"
#include "ctl/commands.hpp"
#include "ctl/files.hpp"
#include "ctl/parts.hpp"
#include "ctl/postgres.hpp"
#include "ctl/process.hpp"
#include "ctl/progress.hpp"
#include "ctl/register.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <thread>

namespace sluice::ctl {

namespace fs = std::filesystem;

namespace {

constexpr std::chrono::milliseconds poll_interval{50};
constexpr std::chrono::milliseconds probe_timeout{2'000};
// Others may get through to what is open to them: the CA certificate, PostgreSQL's own folders.
constexpr mode_t folder_mode = 0711;
constexpr std::size_t log_lines_shown = 15;
constexpr std::chrono::seconds predecessor_time{15};

// A program ended before it was ready.
class PartEnded : public StartupError {
public:
    using StartupError::StartupError;
};

// PostgreSQL refuses to start while processes of a killed server of the same data are still going.
bool blames_predecessor(std::string_view log) {
    return log.find("lock file \"postmaster.pid\" already exists") != std::string_view::npos ||
           log.find("pre-existing shared memory block") != std::string_view::npos;
}

// The services lie next to this program.
fs::path service_program(const std::string& name) {
    const auto program = fs::read_symlink("/proc/self/exe").parent_path() / name;
    if (fs::exists(program)) return program;
    throw StartupError(
        fmt::format("{} is missing; it belongs next to sluicectl", program.string()));
}

Command service_command(const std::string& name, const fs::path& config) {
    Command command;
    command.arguments = {service_program(name).string(), "--config", config.string()};
    return command;
}

// Brings one cluster up, step by step. Every step looks first whether it was done before.
class Up {
public:
    Up(const UpOptions& options, Paths paths) : options_(options), cluster_{std::move(paths), {}} {}

    void run() {
        for (const char* name : {"sluice-auth", "sluice-proxy"}) service_program(name);
        open_or_make();
        step("files", [this] { return complete_files(cluster_) ? "made" : "there"; });
        addresses_ = read_addresses(cluster_.paths, cluster_.file);
        step("PostgreSQL", [this] { return start_postgres(); });
        step("sluice-auth", [this] { return start_auth(); });
        step("sluice-proxy", [this] { return start_proxy(); });
        step("first user", [this] { return register_once(); });
        print_next();
    }

private:
    void step(const std::string& name, const std::function<std::string()>& work);
    void open_or_make();
    void make();
    std::string start_postgres();
    std::string start_auth();
    std::string start_proxy();
    std::string register_once();
    void print_next() const;

    // Starts a part unless it runs, and waits until `probe` says that it is ready. `probe` gets a
    // text to fill with the reason why not. The answer says what was found or done.
    using Probe = std::function<bool(std::string&)>;
    std::string start_part(const std::string& part,
                           const Command& command,
                           const std::vector<config::HostPort>& addresses,
                           const Probe& probe);
    std::string start_server(const Command& command, const Probe& probe);
    void wait_until_ready(const std::string& part,
                          pid_t child,
                          std::uint64_t log_begin,
                          const Probe& probe);
    std::string with_log(const std::string& part,
                         std::uint64_t log_begin,
                         const std::string& what) const;
    fs::path address_file(const std::string& part) const;
    Probe admin_probe(const std::optional<config::HostPort>& admin) const;

    const UpOptions& options_;
    Cluster cluster_;
    Addresses addresses_;
    Progress progress_;
    bool registered_now_ = false;
    bool several_targets_ = false;  // then clients must name one
};

void Up::step(const std::string& name, const std::function<std::string()>& work) {
    progress_.begin(name);
    try {
        progress_.done(name, work());
    } catch (...) {
        progress_.failed(name);
        throw;
    }
}

void Up::open_or_make() {
    if (is_cluster(cluster_.paths)) {
        cluster_ = Cluster::open(cluster_.paths.root);
        for (std::size_t i = 0; i < port_fields.size(); ++i) {
            const auto port = cluster_.file.ports.*port_fields[i].member;
            if (!options_.ports[i] || *options_.ports[i] == port) continue;
            throw StartupError(fmt::format(
                "{} {}: this cluster was made with port {}; its ports are in the files of {}",
                port_fields[i].option,
                *options_.ports[i],
                port,
                cluster_.paths.root.string()));
        }
        return;
    }
    step("cluster", [this] {
        make();
        return cluster_.paths.root.string();
    });
}

// Whoever types sudo by habit could not use what is made here without it.
void warn_of_sudo() {
    const char* user = std::getenv("SUDO_USER");
    if (::geteuid() != 0 || user == nullptr || std::string_view(user) == "root") return;
    fmt::print(stderr,
               "warning: this cluster will belong to root, and every command for it needs sudo; "
               "{} can run sluicectl without it\n",
               printable(user, 64));
}

void Up::make() {
    warn_of_sudo();
    const auto is_free = [](std::uint16_t port) { return !port_problem({"127.0.0.1", port}); };
    auto& file = cluster_.file;
    file.ports = choose_ports(options_.ports,
                              options_.free_ports ? random_port : std::function<std::uint16_t()>(),
                              is_free);
    for (const auto& field : port_fields) {
        const auto port = file.ports.*field.member;
        const auto problem = port_problem({"127.0.0.1", port});
        if (!problem) continue;
        throw StartupError(
            fmt::format("port {} for {} cannot be used: {}; choose another with {} PORT, or free "
                        "ones with --free-ports",
                        port,
                        field.use,
                        *problem,
                        field.option));
    }
    file.postgres_bin = find_postgres_bin(options_.postgres_bin);
    make_folder(cluster_.paths.root, folder_mode);
    const auto place = choose_postgres_place(cluster_.paths, choose_postgres_user());
    file.postgres_data = place.data;
    file.postgres_socket = place.socket;
    cluster_.save();
}

std::string Up::start_postgres() {
    auto& file = cluster_.file;
    if (options_.postgres_bin) file.postgres_bin = find_postgres_bin(options_.postgres_bin);
    const Postgres server{file.postgres_bin,
                          file.postgres_data,
                          file.postgres_socket,
                          file.ports.postgres,
                          choose_postgres_user()};
    const auto version = program_version(server);
    prepare_socket_folder(server);
    link_socket(server, cluster_.paths.root / "run");
    if (!server.created()) create_data(server);
    const auto link = cluster_.paths.postgres_data();
    if (server.data != link && !fs::is_symlink(link)) fs::create_symlink(server.data, link);
    if (const auto data = data_version(server.data); data != version) {
        throw StartupError(
            fmt::format("the data is of PostgreSQL {}, {} is version {}; use --pg-bin",
                        data,
                        server.bin.string(),
                        version));
    }
    cluster_.save();
    const auto probe = [&](std::string& reason) {
        const auto result = run_sql(server.superuser(), "postgres", "SELECT 1", probe_timeout);
        if (!result) reason = result.error().message();
        return result.has_value();
    };
    const auto state = start_server(server_command(server), probe);
    return fmt::format("{}, version {}, {}", state, version, addresses_.postgres.to_string());
}

std::string Up::start_server(const Command& command, const Probe& probe) {
    const auto deadline = std::chrono::steady_clock::now() + predecessor_time;
    while (true) {
        try {
            return start_part("postgres", command, {addresses_.postgres}, probe);
        } catch (const PartEnded& problem) {
            const bool late = std::chrono::steady_clock::now() > deadline;
            if (late || !blames_predecessor(problem.what())) throw;
        }
        std::this_thread::sleep_for(poll_interval);
    }
}

void append(std::vector<config::HostPort>& to, const std::optional<config::HostPort>& address) {
    if (address) to.push_back(*address);
}

std::string Up::start_auth() {
    std::vector<config::HostPort> addresses{addresses_.auth};
    append(addresses, addresses_.auth_admin);
    const auto state = start_part("auth",
                                  service_command("sluice-auth", cluster_.paths.auth_config()),
                                  addresses,
                                  admin_probe(addresses_.auth_admin));
    return fmt::format("{}, {}", state, addresses_.public_url);
}

std::string Up::start_proxy() {
    auto addresses = addresses_.proxy_listeners;
    append(addresses, addresses_.management);
    append(addresses, addresses_.proxy_admin);
    const auto state = start_part("proxy",
                                  service_command("sluice-proxy", cluster_.paths.proxy_config()),
                                  addresses,
                                  admin_probe(addresses_.proxy_admin));
    return fmt::format("{}, {}", state, addresses_.proxy.to_string());
}

Up::Probe Up::admin_probe(const std::optional<config::HostPort>& admin) const {
    if (!admin)
        throw StartupError("the configuration has no admin.listen, where readiness is asked");
    return [address = *admin](std::string& reason) {
        return is_ready(address, probe_timeout, reason);
    };
}

std::string Up::start_part(const std::string& part,
                           const Command& command,
                           const std::vector<config::HostPort>& addresses,
                           const Probe& probe) {
    const auto log = cluster_.paths.log(part);
    const auto log_begin = log_size(log);
    if (const auto running = RunningProcess::from_pid_file(cluster_.paths.pid_file(part))) {
        wait_until_ready(part, 0, log_begin, probe);
        // PostgreSQL's program may be a script, which no process runs itself.
        const bool same = part == "postgres" || running->runs(command.arguments.front());
        return same ? "runs already" : "runs an older build; 'sluicectl down' and 'up' to change";
    }
    for (const auto& address : addresses) {
        if (const auto problem = port_problem(address)) {
            throw StartupError(fmt::format("{} cannot listen at {}: {}; its addresses are in {}",
                                           part,
                                           address.to_string(),
                                           *problem,
                                           address_file(part).string()));
        }
    }
    const auto child = start_daemon(command, log, cluster_.paths.pid_file(part));
    wait_until_ready(part, child, log_begin, probe);
    return "started";
}

fs::path Up::address_file(const std::string& part) const {
    if (part == "postgres") return cluster_.file.postgres_data / "postgresql.conf";
    return part == "auth" ? cluster_.paths.auth_config() : cluster_.paths.proxy_config();
}

void Up::wait_until_ready(const std::string& part,
                          pid_t child,
                          std::uint64_t log_begin,
                          const Probe& probe) {
    const auto deadline = std::chrono::steady_clock::now() + options_.timeout;
    std::string reason;
    while (!probe(reason)) {
        const auto pid_file = cluster_.paths.pid_file(part);
        if (const auto end = child > 0 ? child_end(child) : std::nullopt) {
            fs::remove(pid_file);
            throw PartEnded(
                with_log(part, log_begin, fmt::format("{} ended at once ({})", part, *end)));
        }
        if (child == 0 && !RunningProcess::from_pid_file(pid_file)) {
            throw PartEnded(with_log(part, 0, fmt::format("{} ended", part)));
        }
        if (std::chrono::steady_clock::now() > deadline) {
            throw StartupError(with_log(
                part, log_begin, fmt::format("{} is not ready: {}", part, printable(reason, 400))));
        }
        std::this_thread::sleep_for(poll_interval);
    }
}

std::string Up::with_log(const std::string& part,
                         std::uint64_t log_begin,
                         const std::string& what) const {
    const auto log = cluster_.paths.log(part);
    auto text = fmt::format("{}; the end of {}:", what, log.string());
    const auto lines = last_lines(log, log_begin, log_lines_shown);
    for (const auto& line : lines) text += "\n  " + printable(line, 1000);
    if (lines.empty()) text += "\n  (nothing)";
    return text;
}

std::string Up::register_once() {
    const AuthApi api({.base_url = addresses_.auth_url,
                       .ca = cluster_.paths.ca_certificate(),
                       .timeout = std::chrono::seconds(30)},
                      Secret(config::read_secret_file(cluster_.paths.admin_token())));
    if (cluster_.file.registered) {
        several_targets_ = has_several_targets(api);
        return fmt::format("there, {}", first_user);
    }
    const auto& file = cluster_.file;
    const SqlServer server{file.postgres_socket.string(), file.ports.postgres, "postgres"};
    register_first_user(cluster_.paths, server, api);
    cluster_.file.registered = true;
    cluster_.save();
    registered_now_ = true;
    return first_user;
}

void Up::print_next() const {
    const auto& paths = cluster_.paths;
    const auto self = invocation(options_.dir);
    const std::string target = several_targets_ ? own_target : "";
    fmt::print("\nConnect:   {}\n", psql_command(addresses_, {"app", "app", target}));
    fmt::print("     or:   {} psql{}\n", self.program, self.dir_option);
    fmt::print("Web page:  {}\n", addresses_.public_url);
    if (registered_now_) {
        const auto text = read_file(paths.first_sign_in());
        fmt::print("Sign in:   {}, password {} (kept in {})\n",
                   first_user,
                   text.substr(text.rfind(' ') + 1, text.rfind('\n') - text.rfind(' ') - 1),
                   paths.first_sign_in().string());
    } else if (fs::exists(paths.first_sign_in())) {
        fmt::print("Sign in:   see {}\n", paths.first_sign_in().string());
    }
    fmt::print("Stop:      {} down{}\n", self.program, self.dir_option);
}

}  // namespace

int run(const UpOptions& options) {
    const auto paths = Paths::of(options.dir);
    if (!fs::exists(paths.root)) make_folder(paths.root, folder_mode);
    const FolderLock lock(paths.root);
    require_cluster_or_empty(paths);
    Up(options, paths).run();
    return exit_status::ok;
}

Invocation invocation(const fs::path& dir) {
    std::error_code error;
    const auto program = fs::read_symlink("/proc/self/exe", error);
    const auto here = fs::current_path(error);
    auto shown = program.string();
    if (shown.starts_with(here.string() + "/")) shown.erase(0, here.string().size() + 1);
    return {shown, dir == UpOptions{}.dir ? "" : " --dir " + dir.string()};
}

}  // namespace sluice::ctl
