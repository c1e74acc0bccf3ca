#pragma once

#include "common/base/lsn.hpp"
#include "common/base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::pgwal {

// wal_segment_size of a cluster, fixed by its initdb, and the arithmetic that depends on it.
// Segments are numbered from LSN 0 on; number times size is the LSN of the first byte.
class SegmentSize {
public:
    static constexpr std::uint32_t bytes_min = 1U << 20U;
    static constexpr std::uint32_t bytes_max = 1U << 30U;

    // 16 MiB, which initdb takes by default.
    constexpr SegmentSize() = default;

    // errors: Errc::invalid_segment_size, with the number
    static Result<SegmentSize> load(std::uint64_t bytes);

    constexpr std::uint32_t bytes() const { return bytes_; }
    constexpr std::uint64_t segment_of(Lsn lsn) const { return lsn.value() / bytes_; }
    constexpr std::uint32_t offset_of(Lsn lsn) const {
        return static_cast<std::uint32_t>(lsn.value() & (bytes_ - 1));
    }
    // The LSN of a segment's first byte.
    constexpr Lsn start_of(std::uint64_t segment) const { return Lsn(segment * bytes_); }
    // `lsn` itself at the start of a segment, else the start of the next one.
    constexpr Lsn round_up(Lsn lsn) const {
        return Lsn((lsn.value() + bytes_ - 1) & ~std::uint64_t{bytes_ - 1});
    }
    // How many segments share the eight digits in the middle of a name: 4 GiB of WAL.
    constexpr std::uint64_t segments_per_id() const { return (std::uint64_t{1} << 32U) / bytes_; }

    constexpr bool operator==(const SegmentSize&) const = default;

private:
    constexpr explicit SegmentSize(std::uint32_t bytes) : bytes_(bytes) {}

    std::uint32_t bytes_ = 16U << 20U;
};

// What the name of a file in pg_wal or an archive tells.
struct SegmentName {
    std::uint32_t timeline = 0;
    std::uint64_t segment = 0;
    // ".partial": a segment that is still written, or that its timeline left unfinished.
    bool partial = false;

    bool operator==(const SegmentName&) const = default;
};

// "000000010000000A000000FE", and ".partial" where it is.
std::string to_string(const SegmentName& name, SegmentSize size);

// The name of the segment that holds `lsn`.
std::string segment_file_name(std::uint32_t timeline, Lsn lsn, SegmentSize size);

// Whether PostgreSQL would take the file for a segment: 24 upper-case hex digits, perhaps ".partial".
bool is_segment_name(std::string_view text);

// errors: Errc::invalid_segment_name; also for a name that exists only with smaller segments,
//         and for timeline 0
Result<SegmentName> parse_segment_name(std::string_view text, SegmentSize size);

}  // namespace sluice::pgwal
