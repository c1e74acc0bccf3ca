#pragma once

#include "common/base/bytes.hpp"

#include <cstdint>
#include <string_view>

namespace sluice {

// CRC-32C (Castagnoli polynomial 0x1EDC6F41, reflected, inverted before and after), as PostgreSQL
// has it in WAL records and its control file. `crc` is the CRC of the bytes before these: the CRC
// of a and b is crc32c(b, crc32c(a)).
std::uint32_t crc32c(ByteView bytes, std::uint32_t crc = 0);

// The CRC of two pieces in a row, in one go: many are short.
std::uint32_t crc32c_of_two(ByteView first, ByteView second);

// How a CRC-32C can be computed.
enum class Crc32cMethod {
    portable,  // tables, eight bytes a step
    sse42,     // x86-64: crc32 instruction on three lanes, joined with pclmulqdq
    armv8,     // AArch64: crc32cx instruction
};

std::string_view to_string(Crc32cMethod method);

// Whether this machine can do it.
bool is_supported(Crc32cMethod method);

// The one that crc32c() takes: the fastest that is supported.
Crc32cMethod crc32c_method();

// The same as crc32c() by a method that is supported.
std::uint32_t crc32c_with(Crc32cMethod method, ByteView bytes, std::uint32_t crc = 0);

}  // namespace sluice
