#pragma once

#include "common/base/bytes.hpp"

namespace sluice::fuzz {

// What a fuzz target defines: does everything with `input` that bytes from outside go through.
// A crash, a failed SLUICE_ASSERT, a leak and a finding of the sanitizers are bugs.
void try_input(ByteView input);

}  // namespace sluice::fuzz
