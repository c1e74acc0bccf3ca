#include "auth/core/times.hpp"

#include <array>
#include <cstdio>

namespace sluice::auth {

namespace {

struct Parts {
    int year, hours, minutes, seconds;
    unsigned month, day;
};

Parts split(WallTime time) {
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(time - day));
    return Parts{static_cast<int>(date.year()),
                 static_cast<int>(clock.hours().count()),
                 static_cast<int>(clock.minutes().count()),
                 static_cast<int>(clock.seconds().count()),
                 static_cast<unsigned>(date.month()),
                 static_cast<unsigned>(date.day())};
}

}  // namespace

std::string iso_time(WallTime time) {
    const Parts p = split(time);
    std::array<char, 64> text{};
    std::snprintf(text.data(),
                  text.size(),
                  "%04d-%02u-%02uT%02d:%02d:%02dZ",
                  p.year,
                  p.month,
                  p.day,
                  p.hours,
                  p.minutes,
                  p.seconds);
    return text.data();
}

std::string readable_time(WallTime time) {
    const Parts p = split(time);
    std::array<char, 64> text{};
    std::snprintf(text.data(),
                  text.size(),
                  "%04d-%02u-%02u %02d:%02d UTC",
                  p.year,
                  p.month,
                  p.day,
                  p.hours,
                  p.minutes);
    return text.data();
}

std::int64_t to_unix_ms(WallTime time) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

WallTime from_unix_ms(std::int64_t ms) { return WallTime(std::chrono::milliseconds(ms)); }

std::string minutes_and_seconds(std::chrono::seconds left) {
    const long long seconds = left.count() > 0 ? left.count() : 0;
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%lld:%02lld", seconds / 60, seconds % 60);
    return text.data();
}

std::string rough_duration(std::chrono::milliseconds duration) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(duration).count();
    const auto in_words = [](long long count, const char* unit) {
        return std::to_string(count) + " " + unit + (count == 1 ? "" : "s");
    };
    if (seconds < 60) return in_words(seconds < 1 ? 1 : seconds, "second");
    return in_words(std::chrono::ceil<std::chrono::minutes>(duration).count(), "minute");
}

}  // namespace sluice::auth
