#pragma once

#include <set>
#include <string>

namespace sluice {

// The known word that `word` is probably a slip of; empty when none is near.
std::string closest_word(const std::string& word, const std::set<std::string>& known);

}  // namespace sluice
