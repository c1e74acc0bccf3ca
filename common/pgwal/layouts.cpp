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

constexpr Layout layout(PgMajor major,
                        std::uint16_t page_magic,
                        std::uint32_t control_version,
                        std::uint32_t catalog_version) {
    return {.major = major,
            .page_magic = page_magic,
            .record_bytes_max = major >= PgMajor::v16 ? xlog_record_max_size : max_alloc_size,
            .resource_managers = resource_managers,
            .custom_resource_managers = major >= PgMajor::v15,
            .control_version = control_version,
            .catalog_version = catalog_version,
            .checkpoint_wal_level = major >= PgMajor::v17,
            .control_char_signedness = major >= PgMajor::v18};
}

constexpr std::array<Layout, pg_majors.size()> layouts{{
    layout(PgMajor::v14, 0xD10D, 1300, 202107181),
    layout(PgMajor::v15, 0xD110, 1300, 202209061),
    layout(PgMajor::v16, 0xD113, 1300, 202307071),
    layout(PgMajor::v17, 0xD116, 1700, 202406281),
    layout(PgMajor::v18, 0xD118, 1800, 202506291),
}};

}  // namespace

constexpr bool has_a_row_for_every_version() {
    for (std::size_t i = 0; i < layouts.size(); ++i) {
        if (layouts[i].major != pg_majors[i]) return false;
    }
    return true;
}
static_assert(has_a_row_for_every_version());

const Layout& layout_of(PgMajor major) {
    return layouts[number_of(major) - number_of(PgMajor::v14)];
}

}  // namespace sluice::pgwal
