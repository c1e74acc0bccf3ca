#pragma once

#include "common/base/result.hpp"
#include "common/base/secret.hpp"

#include <map>
#include <string>
#include <string_view>

namespace sluice::pg {

// What a connection string sets, by keyword; empty values are left out, as libpq takes them for
// not set. Any value may be a password, so all are kept as secrets.
using ConnInfoSettings = std::map<std::string, Secret, std::less<>>;

// The grammar of libpq's connection strings (PostgreSQL documentation, "Connection Strings"): a URI
// when the text begins with postgresql:// or postgres://, otherwise keyword = value pairs. The
// last of several values counts.
//   errors: kind client; they name keywords and positions (from 1), never what may be a password
Result<ConnInfoSettings> split_conninfo(std::string_view text);

}  // namespace sluice::pg
