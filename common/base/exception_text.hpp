#pragma once

#include <string>

namespace sluice {

// What the exception says that is being handled, for the log: to be called within a catch block.
std::string current_exception_text();

}  // namespace sluice
