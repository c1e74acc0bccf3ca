#pragma once

#include "backend/protocol/startup.hpp"
#include "common/base/result.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::proxy {

// Which target (a PostgreSQL server known by name) a client means, by order of evidence:
//   1. `options` tokens target=<name>, or Neon's endpoint=<name> and project=<name>
//   2. the TLS server name <name>.<one of `domains`, the longest that fits>
// An empty target means that the client named none.
struct TargetChoice {
    std::string target;
    // The `options` parameter without the tokens used above; empty when nothing is left.
    std::string remaining_options;
};

//   errors: kind client: both are present and differ; two tokens; characters other than
//           letters, digits, '-', '_' and '.'
Result<TargetChoice> choose_target(const pg::StartupMessage& message,
                                   std::string_view server_name,
                                   std::span<const std::string> domains);

}  // namespace sluice::proxy
