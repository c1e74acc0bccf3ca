#pragma once

#include "common/base/lsn.hpp"
#include "ctl/ports.hpp"
#include "ctl/wal_shapes.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace sluice::ctl {

// One struct a command: what its options said. Each has an `int run(const X&)` that returns the
// exit status and throws StartupError.

struct UpOptions {
    std::filesystem::path dir = ".sluice";
    std::optional<std::filesystem::path> postgres_bin;
    PortWishes ports;
    bool free_ports = false;
    std::chrono::milliseconds timeout{60'000};
};

struct DownOptions {
    std::filesystem::path dir = ".sluice";
    bool destroy = false;
    bool yes = false;
    std::chrono::milliseconds timeout{40'000};
};

struct StatusOptions {
    std::filesystem::path dir = ".sluice";
};

struct LogsOptions {
    std::filesystem::path dir = ".sluice";
    std::string part;  // empty: all
    bool follow = false;
    unsigned lines = 50;
    bool json = false;  // on a terminal too: the lines as they were written
};

// The target that `up` makes.
inline constexpr const char* own_target = "local";

struct PsqlOptions {
    std::filesystem::path dir = ".sluice";
    std::string target = own_target;
    std::vector<std::string> arguments;
};

// Which sluice-auth an administrative command talks to.
struct ApiOptions {
    std::filesystem::path dir = ".sluice";
    std::string auth_url;                             // empty: the one of `dir`
    std::optional<std::filesystem::path> token_file;  // nullopt: <dir>/keys/admin.token
    std::optional<std::filesystem::path> ca;          // https: a CA beside the system's
    bool json = false;                                // lists: the answer as it came
};

// Where a password comes from; never an argument, which every user of the machine could read.
struct PasswordSource {
    std::optional<std::filesystem::path> file;  // "-": standard input
    bool generate = false;
};

struct UserAddOptions {
    ApiOptions api;
    std::string email;
    PasswordSource password;
    bool admin = false;
};
struct UserListOptions {
    ApiOptions api;
};
struct UserDisableOptions {
    ApiOptions api;
    std::string email;
    bool enable = false;  // the opposite
};
struct UserPasswordOptions {
    ApiOptions api;
    std::string email;
    PasswordSource password;
};

struct TargetAddOptions {
    ApiOptions api;
    std::string name;
    std::string host;
    std::uint16_t port = 5432;
    std::string database;
    std::string tls;
    std::string role;  // empty: none yet
    PasswordSource password;
};
struct TargetListOptions {
    ApiOptions api;
};
struct TargetRemoveOptions {
    ApiOptions api;
    std::string name;
    bool yes = false;
};
struct TargetSetRoleOptions {
    ApiOptions api;
    std::string name;
    std::string role;
    PasswordSource password;
};

struct GrantAddOptions {
    ApiOptions api;
    std::string user;
    std::string role;
    std::string database = "*";
    std::string target;
};
struct GrantListOptions {
    ApiOptions api;
};
struct GrantRemoveOptions {
    ApiOptions api;
    std::string id;
};

struct SessionsOptions {
    ApiOptions api;
    std::string state;
    unsigned limit = 20;
};
struct AuditOptions {
    ApiOptions api;
    std::string event;
    unsigned limit = 20;
};

struct WalCraftOptions {
    std::filesystem::path dir = ".sluice";
    WalShape shape = WalShape::simple;
    // A libpq connection string; empty: the PostgreSQL server of the cluster in `dir`.
    std::string connection;
    std::optional<std::filesystem::path> password_file;  // "-": standard input
    bool json = false;
    std::chrono::milliseconds timeout{60'000};
};

struct WalDumpOptions {
    enum class Format { table, json, quiet };
    std::vector<std::filesystem::path> paths;  // a folder, or files
    std::optional<std::uint32_t> timeline;     // nullopt: the newest
    std::optional<Lsn> start;
    std::optional<Lsn> end;
    std::optional<std::uint64_t> limit;  // records
    Format format = Format::table;
};

struct WalVerifyOptions {
    std::filesystem::path folder;
    std::optional<std::uint32_t> timeline;  // nullopt: all
    bool archive = false;                   // every whole segment must be used to its end
    bool json = false;
};

// Nothing to run: help or version was printed, or the command line was wrong.
struct Finished {
    int status = 0;
    std::string text;  // for standard output when status is 0, else for standard error
};

using CommandLine = std::variant<Finished,
                                 UpOptions,
                                 DownOptions,
                                 StatusOptions,
                                 LogsOptions,
                                 PsqlOptions,
                                 UserAddOptions,
                                 UserListOptions,
                                 UserDisableOptions,
                                 UserPasswordOptions,
                                 TargetAddOptions,
                                 TargetListOptions,
                                 TargetRemoveOptions,
                                 TargetSetRoleOptions,
                                 GrantAddOptions,
                                 GrantListOptions,
                                 GrantRemoveOptions,
                                 SessionsOptions,
                                 AuditOptions,
                                 WalCraftOptions,
                                 WalDumpOptions,
                                 WalVerifyOptions>;

// `arguments` without the program's name.
CommandLine parse_command_line(const std::vector<std::string>& arguments);

namespace exit_status {
inline constexpr int ok = 0;
inline constexpr int failed = 1;
inline constexpr int usage = 2;
inline constexpr int not_running = 3;  // of status
inline constexpr int damaged =
    4;  // of wal verify, and of wal dump when WAL before --end is missing
}  // namespace exit_status

}  // namespace sluice::ctl
