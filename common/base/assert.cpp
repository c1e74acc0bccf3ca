#include "common/base/assert.hpp"

#include <cstdio>
#include <cstdlib>

namespace sluice {

void assertion_failed(const char* expression, const char* file, int line) {
    std::fprintf(stderr, "sluice: broken invariant: %s (%s:%d)\n", expression, file, line);
    std::abort();
}

}  // namespace sluice
