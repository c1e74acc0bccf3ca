#include "ctl/postgres.hpp"

#include "common/base/startup_error.hpp"
#include "ctl/files.hpp"

#include <fmt/format.h>
#include <locale.h>

#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <vector>

namespace sluice::ctl {

namespace fs = std::filesystem;

namespace {

bool has_server(const fs::path& bin) {
    return fs::exists(bin / "postgres") && fs::exists(bin / "initdb");
}

// Debian: /usr/lib/postgresql/<major>/bin; the newest major that is complete.
std::optional<fs::path> newest_packaged() {
    std::error_code error;
    int newest = 0;
    for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", error)) {
        const int major = std::atoi(entry.path().filename().c_str());
        if (major > newest && has_server(entry.path() / "bin")) newest = major;
    }
    if (newest == 0) return std::nullopt;
    return fmt::format("/usr/lib/postgresql/{}/bin", newest);
}

std::optional<fs::path> from_search_path() {
    const char* value = std::getenv("PATH");
    std::istringstream folders(value == nullptr ? "" : value);
    for (std::string folder; std::getline(folders, folder, ':');) {
        std::error_code error;
        const auto program = fs::canonical(fs::path(folder) / "postgres", error);
        if (!error && has_server(program.parent_path())) return program.parent_path();
    }
    return std::nullopt;
}

constexpr std::size_t socket_path_max = sizeof(sockaddr_un::sun_path) - 1;

bool socket_fits(const fs::path& folder) {
    return folder.string().size() + std::strlen("/.s.PGSQL.65535.lock") <= socket_path_max;
}

// The server brings its libraries along when it was not installed as a package.
std::vector<std::pair<std::string, std::string>> server_environment(const Postgres& server) {
    const auto library = server.bin.parent_path() / "lib";
    if (!fs::is_directory(library)) return {};
    return {{"LD_LIBRARY_PATH", library.string()}};
}

Command server_tool(const Postgres& server, const std::string& program) {
    Command command;
    command.arguments = {(server.bin / program).string()};
    command.environment = server_environment(server);
    command.clean_environment = true;
    command.user = server.user;
    return command;
}

void give_to_server(const Postgres& server, const fs::path& path) {
    if (!server.user) return;
    if (::lchown(path.c_str(), server.user->uid, server.user->gid) != 0) {
        throw StartupError(fmt::format("cannot give {} to user {}: {}",
                                       path.string(),
                                       server.user->name,
                                       std::strerror(errno)));
    }
}

// The server's account must get through the folders above its own ones.
void make_parents(const fs::path& folder) {
    const auto parent = folder.parent_path();
    if (fs::exists(parent)) return;
    if (!fs::exists(parent.parent_path())) make_folder(parent.parent_path(), 0711);
    make_folder(parent, 0711);
}

std::string utf8_locale() {
    const locale_t found = ::newlocale(LC_ALL_MASK, "C.UTF-8", nullptr);
    if (found == nullptr) return "C";
    ::freelocale(found);
    return "C.UTF-8";
}

void run_initdb(const Postgres& server, const fs::path& data) {
    auto command = server_tool(server, "initdb");
    for (const auto& argument : {std::string("--pgdata=") + data.string(),
                                 std::string("--username=postgres"),
                                 std::string("--auth-local=trust"),
                                 std::string("--auth-host=scram-sha-256"),
                                 std::string("--encoding=UTF8"),
                                 "--locale=" + utf8_locale()}) {
        command.arguments.push_back(argument);
    }
    const auto result = run_command(command);
    if (result.status != 0) {
        throw StartupError(
            fmt::format("initdb failed with status {}:\n{}", result.status, result.output));
    }
}

void append_settings(const Postgres& server, const fs::path& data) {
    append_file(data / "postgresql.conf", render_postgres_settings(server));
}

// 'it''s' as in postgresql.conf.
std::string setting(const std::string& text) { return sql_literal(text); }

}  // namespace

fs::path find_postgres_bin(const std::optional<fs::path>& wanted) {
    if (wanted) {
        const auto bin = fs::absolute(*wanted).lexically_normal();
        if (!has_server(bin)) {
            throw StartupError(fmt::format(
                "no PostgreSQL in {}: there must be initdb and postgres (--pg-bin)", bin.string()));
        }
        return bin;
    }
    if (auto bin = newest_packaged()) return *bin;
    if (auto bin = from_search_path()) return *bin;
    throw StartupError(
        "found no PostgreSQL server; install the package 'postgresql' or use --pg-bin");
}

fs::path outside_folder(const Paths& paths) {
    return fs::path("/var/lib/sluice") / paths.short_name();
}

PostgresPlace choose_postgres_place(const Paths& paths, const std::optional<OsUser>& user) {
    PostgresPlace place{paths.postgres_data(), paths.root / "run/postgres"};
    if (user) {
        const auto outside = outside_folder(paths);
        const bool reachable = can_access(user, paths.root, X_OK);
        if (!reachable) place.data = outside / "data";
        if (!reachable || !socket_fits(place.socket)) place.socket = outside / "run";
    } else if (!socket_fits(place.socket)) {
        const char* runtime = std::getenv("XDG_RUNTIME_DIR");
        const fs::path base = runtime != nullptr && *runtime == '/' ? runtime : "/tmp";
        place.socket = base / ("sluice-" + paths.short_name());
    }
    return place;
}

std::string data_version(const fs::path& data) {
    auto text = read_file(data / "PG_VERSION");
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.pop_back();
    return text;
}

std::string program_version(const Postgres& server) {
    auto command = server_tool(server, "postgres");
    command.arguments.push_back("--version");
    const auto result = run_command(command);
    // "postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)"
    const auto begin = result.output.find(") ");
    if (result.status != 0 || begin == std::string::npos) {
        throw StartupError(
            fmt::format("{} does not run:\n{}", command.arguments.front(), result.output));
    }
    const auto end = result.output.find_first_not_of("0123456789", begin + 2);
    return result.output.substr(begin + 2, end - begin - 2);
}

std::string render_postgres_settings(const Postgres& server) {
    return fmt::format(R"(
# Added by sluicectl up.
listen_addresses = '127.0.0.1'
port = {}
unix_socket_directories = {}
cluster_name = 'sluice'
password_encryption = 'scram-sha-256'
log_destination = 'stderr'
logging_collector = off
log_line_prefix = '%m [%p] %q%u@%d '
)",
                       server.port,
                       setting(server.socket.string()));
}

void create_data(const Postgres& server) {
    if (!can_access(server.user, server.bin / "postgres", X_OK)) {
        throw StartupError(
            fmt::format("user {} cannot run {}; put PostgreSQL where that user can reach it",
                        server.user ? server.user->name : "this",
                        (server.bin / "postgres").string()));
    }
    // Made aside and renamed: a data directory is complete or absent.
    auto aside = server.data;
    aside += ".new";
    fs::remove_all(aside);
    make_parents(aside);
    make_folder(aside, 0700);
    give_to_server(server, aside);
    run_initdb(server, aside);
    append_settings(server, aside);
    fs::rename(aside, server.data);
}

void prepare_socket_folder(const Postgres& server) {
    const auto& folder = server.socket;
    make_parents(folder);
    if (::mkdir(folder.c_str(), 0700) == 0) {
        give_to_server(server, folder);
        return;
    }
    // It may be in a folder that others write to: only a folder of our own will do.
    struct stat found {};
    const uid_t owner = server.user ? server.user->uid : ::geteuid();
    if (::lstat(folder.c_str(), &found) != 0 || !S_ISDIR(found.st_mode) || found.st_uid != owner ||
        (found.st_mode & 077) != 0) {
        throw StartupError(fmt::format(
            "{} must be a folder of the server's own user with mode 0700", folder.string()));
    }
}

void link_socket(const Postgres& server, const fs::path& folder) {
    const auto name = fmt::format(".s.PGSQL.{}", server.port);
    fs::remove(folder / name);
    fs::create_symlink(server.socket / name, folder / name);
}

Command server_command(const Postgres& server) {
    auto command = server_tool(server, "postgres");
    command.arguments.push_back("-D");
    command.arguments.push_back(server.data.string());
    return command;
}

}  // namespace sluice::ctl
