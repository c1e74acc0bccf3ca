#pragma once

namespace sluice {

[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);

}  // namespace sluice

// For what cannot happen unless sluice itself is wrong; never for anything that a peer sent.
// Always on: prints the place and ends the process.
#define SLUICE_ASSERT(expression) \
    ((expression) ? void(0) : ::sluice::assertion_failed(#expression, __FILE__, __LINE__))
