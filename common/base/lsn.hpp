#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice {

// A byte position in the WAL of a PostgreSQL timeline. Prints as "X/X" like pg_lsn; 0/0 is the
// invalid position.
class Lsn {
public:
    constexpr Lsn() = default;
    constexpr explicit Lsn(std::uint64_t value) : value_(value) {}

    // "16/B374D848": two hex numbers of one to eight digits.
    static std::optional<Lsn> parse(std::string_view text);
    std::string to_string() const;

    constexpr std::uint64_t value() const { return value_; }
    constexpr bool valid() const { return value_ != 0; }

    constexpr auto operator<=>(const Lsn&) const = default;
    constexpr Lsn operator+(std::uint64_t bytes) const { return Lsn(value_ + bytes); }
    // Distance in bytes; nullopt when `other` lies behind this position.
    constexpr std::optional<std::uint64_t> bytes_since(Lsn other) const {
        if (other > *this) return std::nullopt;
        return value_ - other.value_;
    }

private:
    std::uint64_t value_ = 0;
};

}  // namespace sluice
