#pragma once

#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace sluice::ctl {

// "unknown command 'stauts' (did you mean 'status'?)" when a word stands where a command of `app`,
// or of one of its commands, belongs, and the like for an option before it; nullopt otherwise.
std::optional<std::string> unknown_command(const CLI::App& app,
                                           const std::vector<std::string>& arguments);

// "help user add" as "user add --help".
std::vector<std::string> without_help_command(std::vector<std::string> arguments);

}  // namespace sluice::ctl
