#pragma once

#include <string>

namespace sluice::ctl {

// Asks on the terminal for a "yes". Throws UsageError, which names --yes, when standard input is
// no terminal, and StartupError when the answer is another.
void require_yes(const std::string& question);

}  // namespace sluice::ctl
