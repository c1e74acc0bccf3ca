#pragma once

#include "ctl/api.hpp"
#include "ctl/paths.hpp"
#include "ctl/sql.hpp"

namespace sluice::ctl {

// What a new cluster needs before somebody can sign in: role and database `app` in PostgreSQL, the
// user admin@localhost (password in first-sign-in.txt), the target `local` and a grant. Every step
// may have been done before, by a run that was interrupted.
void register_first_user(const Paths& paths, const SqlServer& postgres, const AuthApi& api);

// More than one: every client must name the target it means.
bool has_several_targets(const AuthApi& api);

inline constexpr const char* first_user = "admin@localhost";

}  // namespace sluice::ctl
