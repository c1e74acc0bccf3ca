#pragma once

#include "ctl/os_user.hpp"
#include "ctl/paths.hpp"
#include "ctl/process.hpp"
#include "ctl/sql.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace sluice::ctl {

// The PostgreSQL server of a cluster: one data directory and the account it runs as.
struct Postgres {
    std::filesystem::path bin;     // folder of initdb and postgres
    std::filesystem::path data;    // PGDATA
    std::filesystem::path socket;  // folder of the Unix socket, mode 0700, owned by the server
    std::uint16_t port = 0;
    std::optional<OsUser> user;  // nullopt: as oneself

    bool created() const { return std::filesystem::exists(data / "PG_VERSION"); }
    SqlServer superuser() const { return {socket.string(), port, "postgres"}; }
};

// The folder with initdb and postgres: `wanted`, else the newest of Debian's packages, else where
// PATH finds them. Throws StartupError that says what to install.
std::filesystem::path find_postgres_bin(const std::optional<std::filesystem::path>& wanted);

// Where data and socket go: below the cluster's folder when the account can get there and the
// socket's path is short enough for the kernel, else below /var/lib/sluice (root) or in the
// user's runtime folder (socket only).
struct PostgresPlace {
    std::filesystem::path data;
    std::filesystem::path socket;
};
PostgresPlace choose_postgres_place(const Paths& paths, const std::optional<OsUser>& user);

// The folder below /var/lib/sluice that belongs to the cluster; it need not exist.
std::filesystem::path outside_folder(const Paths& paths);

// Major version of a data directory and of the programs, as text ("15").
std::string data_version(const std::filesystem::path& data);
std::string program_version(const Postgres& server);

// Makes the data directory (all of it or nothing) and the configuration in it.
void create_data(const Postgres& server);
// What is appended to postgresql.conf.
std::string render_postgres_settings(const Postgres& server);

// Makes the socket's folder, which may have gone with a restart of the machine.
void prepare_socket_folder(const Postgres& server);
// A link to the socket in a folder that is easier to find (host= of libpq).
void link_socket(const Postgres& server, const std::filesystem::path& folder);
Command server_command(const Postgres& server);

}  // namespace sluice::ctl
