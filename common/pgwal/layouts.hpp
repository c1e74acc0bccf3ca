#pragma once

#include "common/pgwal/version.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace sluice::pgwal {

// What differs between the major versions: one entry a version. Everything that is not here is the
// same in all of them and written once.
//   source: access/xlog_internal.h, access/xlogrecord.h, access/rmgr.h, access/rmgrlist.h,
//           catalog/pg_control.h, catalog/catversion.h
struct Layout {
    PgMajor major;
    // xlp_magic of every page.
    std::uint16_t page_magic;
    // Longest xl_tot_len that the version reads: XLogRecordMaxSize since 16, before that what
    // fits into one allocation of the server.
    std::uint32_t record_bytes_max;
    // Names of the built-in resource managers, by id.
    std::span<const std::string_view> resource_managers;
    // Ids 128 to 255 are those of extensions (since 15).
    bool custom_resource_managers;
    // PG_CONTROL_VERSION and CATALOG_VERSION_NO. Only both together tell the major version: 13 to
    // 16 have the same control version.
    std::uint32_t control_version;
    std::uint32_t catalog_version;
    // A checkpoint holds wal_level, in bytes that were alignment before (since 17).
    bool checkpoint_wal_level;
    // pg_control holds the signedness of char, before the nonce (since 18).
    bool control_char_signedness;
};

const Layout& layout_of(PgMajor major);

}  // namespace sluice::pgwal
