#pragma once

#include "backend/protocol/message_lists.hpp"
#include "common/base/assert.hpp"

namespace sluice::fuzz {

// Lists of a message that was parsed: walking them stays inside its body.

template <typename List>
std::uint64_t sum(const List& list) {
    std::uint64_t total = 0;
    for (std::size_t i = 0; i < list.size(); ++i) total += list[i];
    return total;
}

inline void walk(const pg::ValueList& values, ByteView body) {
    std::size_t bytes = 0;
    std::size_t count = 0;
    for (const auto& value : values) {
        bytes += 4 + (value ? value->size() : 0);
        ++count;
    }
    SLUICE_ASSERT(count == values.size());
    SLUICE_ASSERT(bytes <= body.size());
}

}  // namespace sluice::fuzz
