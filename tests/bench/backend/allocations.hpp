#pragma once

#include <cstddef>

namespace sluice::bench {

// How often memory was allocated with operator new or aligned_alloc, by whomever in this program.
std::size_t allocations();

}  // namespace sluice::bench
