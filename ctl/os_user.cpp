#include "ctl/os_user.hpp"

#include "common/base/startup_error.hpp"

#include <grp.h>
#include <pwd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

namespace sluice::ctl {

namespace {

std::optional<OsUser> to_user(const passwd* entry) {
    if (entry == nullptr) return std::nullopt;
    return OsUser{entry->pw_name, entry->pw_uid, entry->pw_gid};
}

}  // namespace

std::optional<OsUser> find_user(const std::string& name) {
    return to_user(::getpwnam(name.c_str()));
}

std::optional<OsUser> find_user(uid_t uid) { return to_user(::getpwuid(uid)); }

std::optional<OsUser> choose_postgres_user() {
    if (::geteuid() != 0) return std::nullopt;
    for (const char* name : {"postgres", "nobody"}) {
        if (auto user = find_user(name)) return user;
    }
    throw StartupError(
        "PostgreSQL refuses to run as root, and there is neither a user 'postgres' nor 'nobody'");
}

int become(const OsUser& user) {
    if (::setgroups(1, &user.gid) != 0 || ::setgid(user.gid) != 0 || ::setuid(user.uid) != 0) {
        return errno;
    }
    return 0;
}

bool can_access(const std::optional<OsUser>& user, const std::filesystem::path& file, int mode) {
    if (!user) return ::access(file.c_str(), mode) == 0;
    const pid_t child = ::fork();
    if (child < 0) return false;
    if (child == 0) ::_exit(become(*user) == 0 && ::access(file.c_str(), mode) == 0 ? 0 : 1);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace sluice::ctl
