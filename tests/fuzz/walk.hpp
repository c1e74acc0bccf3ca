#pragma once

#include "backend/protocol/message_lists.hpp"
#include "common/base/assert.hpp"

#include <cstdint>
#include <vector>

namespace sluice::fuzz {

// Lists of a message that was parsed: walking them stays inside its body.

inline std::vector<std::uint16_t> copy(const pg::Int16List& list) {
    std::vector<std::uint16_t> numbers;
    for (std::size_t i = 0; i < list.size(); ++i) numbers.push_back(list[i]);
    return numbers;
}

inline std::vector<std::uint32_t> copy(const pg::OidList& list) {
    std::vector<std::uint32_t> numbers;
    for (std::size_t i = 0; i < list.size(); ++i) numbers.push_back(list[i]);
    return numbers;
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
