#pragma once

#include <string>
#include <string_view>

namespace sluice::ctl {

// A JSON line of a service's log for a person to read: "time LEVEL sentence  key=value ...". Other
// lines, such as those of PostgreSQL, are made safe for a terminal and nothing else.
std::string readable_log_line(std::string_view line);

}  // namespace sluice::ctl
