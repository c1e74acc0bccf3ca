#pragma once

#include "common/base/result.hpp"
#include "common/base/time.hpp"

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::pgwal {

// PostgreSQL's TimestampTz, as WAL records and the replication protocol hold it: microseconds
// since 2000-01-01 00:00 UTC, negative before. Always within the range that PostgreSQL has:
// 4714-11-24 BC up to the year 294276, or an infinity.
class Timestamp {
public:
    // 2000-01-01 00:00 UTC.
    constexpr Timestamp() = default;
    static constexpr Timestamp infinity() { return Timestamp(INT64_MAX); }
    static constexpr Timestamp minus_infinity() { return Timestamp(INT64_MIN); }

    // errors of all: Errc::timestamp_out_of_range
    static Result<Timestamp> load(std::int64_t microseconds);
    static Result<Timestamp> from_unix_microseconds(std::int64_t microseconds);
    // pg_time_t, as in pg_control.
    static Result<Timestamp> from_unix_seconds(std::int64_t seconds);
    // Parts of a microsecond are cut off, towards the past.
    static Timestamp from(WallTime time);

    constexpr std::int64_t microseconds() const { return microseconds_; }
    constexpr bool is_finite() const { return *this != infinity() && *this != minus_infinity(); }
    // Since 1970-01-01 00:00 UTC. nullopt for an infinity; unix_microseconds() also has none for the
    // last 30 years of the range, which are more than 64 bits hold.
    std::optional<std::int64_t> unix_microseconds() const;
    // Parts of a second are cut off, towards the past.
    std::optional<std::int64_t> unix_seconds() const;
    // nullopt outside the years 1677 to 2262, which is what the clock of the standard library has.
    std::optional<WallTime> wall_time() const;

    // As a server with DateStyle ISO and time zone UTC: "2026-11-28 04:48:08.25+00",
    // "0044-03-15 00:00:00+00 BC", "infinity".
    std::string to_string() const;
    // What to_string() writes, and the same with "T" for the blank, another offset ("+05:30",
    // "-08", "Z"), without seconds or with up to six digits of them.
    //   errors: Errc::invalid_timestamp, timestamp_out_of_range
    static Result<Timestamp> parse(std::string_view text);

    constexpr auto operator<=>(const Timestamp&) const = default;

private:
    constexpr explicit Timestamp(std::int64_t microseconds) : microseconds_(microseconds) {}

    std::int64_t microseconds_ = 0;
};

}  // namespace sluice::pgwal
