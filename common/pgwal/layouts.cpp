#include "common/pgwal/layouts.hpp"

#include <array>

namespace sluice::pgwal {

namespace {

// The same 22 in all five versions.
constexpr std::array<std::string_view, 22> resource_managers{
    "XLOG",       "Transaction",   "Storage", "CLOG",     "Database",
    "Tablespace", "MultiXact",     "RelMap",  "Standby",  "Heap2",
    "Heap",       "Btree",         "Hash",    "Gin",      "Gist",
    "Sequence",   "SPGist",        "BRIN",    "CommitTs", "ReplicationOrigin",
    "Generic",    "LogicalMessage"};

constexpr std::uint32_t max_alloc_size = 0x3FFFFFFF;          // utils/memutils.h
constexpr std::uint32_t xlog_record_max_size = 1020U << 20U;  // access/xlogrecord.h

constexpr std::array<Layout, pg_majors.size()> layouts{{
    {PgMajor::v14, 0xD10D, max_alloc_size, resource_managers, false},
    {PgMajor::v15, 0xD110, max_alloc_size, resource_managers, true},
    {PgMajor::v16, 0xD113, xlog_record_max_size, resource_managers, true},
    {PgMajor::v17, 0xD116, xlog_record_max_size, resource_managers, true},
    {PgMajor::v18, 0xD118, xlog_record_max_size, resource_managers, true},
}};

}  // namespace

const Layout& layout_of(PgMajor major) {
    return layouts[number_of(major) - number_of(PgMajor::v14)];
}

}  // namespace sluice::pgwal
