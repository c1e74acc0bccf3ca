#pragma once

#include <stdexcept>

namespace sluice {

// A start that cannot succeed: wrong configuration, missing file, port in use. Thrown while a
// program sets itself up and caught in main(), which prints the text and exits with status 1
// (2 for wrong command-line use). The text says what to do next.
class StartupError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

}  // namespace sluice
