#pragma once

#include "common/pgwal/version.hpp"

#include <cstdint>
#include <span>
#include <string_view>

namespace sluice::pgwal {

// What differs between the major versions: one entry a version. Everything that is not here is the
// same in all of them and written once.
//   source: access/xlog_internal.h, access/xlogrecord.h, access/rmgr.h, access/rmgrlist.h
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
};

const Layout& layout_of(PgMajor major);

}  // namespace sluice::pgwal
