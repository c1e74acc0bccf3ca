#pragma once

#include "ctl/options.hpp"

namespace sluice::ctl {

// The commands that run a cluster. Each returns the exit status and throws StartupError.
int run(const UpOptions& options);
int run(const DownOptions& options);
int run(const StatusOptions& options);
// On a terminal readable lines; else it becomes tail and does not return.
int run(const LogsOptions& options);
// Becomes psql and does not return.
int run(const PsqlOptions& options);

// The commands that administer sluice-auth.
int run(const UserAddOptions& options);
int run(const UserListOptions& options);
int run(const UserDisableOptions& options);
int run(const UserPasswordOptions& options);
int run(const TargetAddOptions& options);
int run(const TargetListOptions& options);
int run(const TargetRemoveOptions& options);
int run(const TargetSetRoleOptions& options);
int run(const GrantAddOptions& options);
int run(const GrantListOptions& options);
int run(const GrantRemoveOptions& options);
int run(const SessionsOptions& options);
int run(const AuditOptions& options);

// The commands that read and make WAL.
int run(const WalCraftOptions& options);
int run(const WalDumpOptions& options);
int run(const WalVerifyOptions& options);

// How this program was called and which options name the cluster: "build/bin/sluicectl" and
// " --dir D" or "".
struct Invocation {
    std::string program;
    std::string dir_option;
};
Invocation invocation(const std::filesystem::path& dir);

}  // namespace sluice::ctl
