#pragma once

#include "common/base/result.hpp"

#include <array>
#include <cstdint>

namespace sluice::pgwal {

// A PostgreSQL major version whose WAL is understood; its value is the version's number.
enum class PgMajor : std::uint8_t { v14 = 14, v15 = 15, v16 = 16, v17 = 17, v18 = 18 };

inline constexpr std::array pg_majors{
    PgMajor::v14, PgMajor::v15, PgMajor::v16, PgMajor::v17, PgMajor::v18};

constexpr unsigned number_of(PgMajor major) { return static_cast<unsigned>(major); }

// From 14 to 18, as in PG_VERSION.
//   errors: Errc::unsupported_version, with the number
Result<PgMajor> load_major(std::uint64_t number);

// From server_version_num or pg_version of the safekeeper protocol: 150007 is 15.
//   errors: Errc::unsupported_version, with the number
Result<PgMajor> load_major_of_version_num(std::uint64_t version_num);

// From xlp_magic, the first two bytes of a WAL page.
//   errors: Errc::unsupported_version, with the magic
Result<PgMajor> load_major_of_page_magic(std::uint16_t magic);

// XLOG_PAGE_MAGIC of the version.
std::uint16_t page_magic(PgMajor major);

}  // namespace sluice::pgwal
