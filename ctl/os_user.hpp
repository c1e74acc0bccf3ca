#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>

namespace sluice::ctl {

// An account of this machine.
struct OsUser {
    std::string name;
    uid_t uid = 0;
    gid_t gid = 0;
};

std::optional<OsUser> find_user(const std::string& name);
std::optional<OsUser> find_user(uid_t uid);

// PostgreSQL refuses to run as root. For root this is the account that its server and files get:
// `postgres`, else `nobody`. For everybody else nullopt: the server runs as oneself.
std::optional<OsUser> choose_postgres_user();

// Becomes `user` for good; returns errno, 0 when done. Safe between fork and exec.
int become(const OsUser& user);

// Whether `user` (nullopt: this process) may do with `file` what access(2) calls `mode`.
bool can_access(const std::optional<OsUser>& user, const std::filesystem::path& file, int mode);

}  // namespace sluice::ctl
