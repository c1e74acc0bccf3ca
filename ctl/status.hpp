#pragma once

#include <string>
#include <vector>

namespace sluice::ctl {

// One program of a cluster as `sluicectl status` shows it.
struct PartStatus {
    std::string part;
    std::string state;  // ready, not ready, not running
    std::string pid;    // empty when not running
    std::string address;
    std::string since;    // local time
    std::string problem;  // why it is not ready
};

// The table, and below it one line for each problem.
std::string format_status(const std::vector<PartStatus>& parts);

}  // namespace sluice::ctl
