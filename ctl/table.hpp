#pragma once

#include <string>
#include <vector>

namespace sluice::ctl {

// Columns as wide as their longest cell, two spaces between them, no trailing spaces; the first
// row is the heading. Cells are made safe for a terminal.
std::string format_table(const std::vector<std::vector<std::string>>& rows);

}  // namespace sluice::ctl
