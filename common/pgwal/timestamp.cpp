#include "common/pgwal/timestamp.hpp"

#include "common/base/text.hpp"
#include "common/pgwal/errc.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>

namespace sluice::pgwal {

namespace {

constexpr std::int64_t second = 1'000'000;
constexpr std::int64_t minute = 60 * second;
constexpr std::int64_t hour = 60 * minute;
constexpr std::int64_t day = 24 * hour;

// 2000-01-01 in Unix time; POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE days.
constexpr std::int64_t epoch_unix_seconds = 946'684'800;

// datatype/timestamp.h: MIN_TIMESTAMP and END_TIMESTAMP, the first that is too late.
constexpr std::int64_t timestamp_min = -211'813'488'000'000'000;
constexpr std::int64_t timestamp_end = 9'223'371'331'200'000'000;

Error out_of_range(std::string_view what) {
    return Error(ErrorKind::storage,
                 "the time " + printable(what) + " is not from 4714-11-24 BC to the year 294276",
                 make_error_code(Errc::timestamp_out_of_range));
}

Error invalid(std::string_view text) {
    return Error(
        ErrorKind::storage,
        "\"" + printable(text, 64) + "\" is not a time like 2026-11-28 04:48:08.25+00 or infinity",
        make_error_code(Errc::invalid_timestamp));
}

// Days from 2000-01-01 and back, in the Gregorian calendar without a beginning, as PostgreSQL's
// date2j() and j2date(). Eras of 400 years have 146097 days; years start in March, so that the leap
// day is the last.
struct Date {
    std::int64_t year = 0;  // 0 is 1 BC
    unsigned month = 1;
    unsigned day = 1;
};

constexpr std::int64_t days_in_era = 146'097;
constexpr std::int64_t epoch_days = 730'425;  // from 0000-03-01 to 2000-01-01

constexpr std::int64_t floor_div(std::int64_t a, std::int64_t b) {
    return a / b - (a % b != 0 && (a % b < 0) != (b < 0) ? 1 : 0);
}

constexpr std::int64_t days_from(const Date& date) {
    const std::int64_t year = date.year - (date.month <= 2 ? 1 : 0);
    const std::int64_t era = floor_div(year, 400);
    const std::int64_t year_of_era = year - era * 400;
    const std::int64_t day_of_year = (153 * ((date.month + 9) % 12) + 2) / 5 + date.day - 1;
    const std::int64_t day_of_era =
        year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * days_in_era + day_of_era - epoch_days;
}

constexpr Date date_of(std::int64_t days) {
    const std::int64_t shifted = days + epoch_days;
    const std::int64_t era = floor_div(shifted, days_in_era);
    const std::int64_t day_of_era = shifted - era * days_in_era;
    const std::int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / (days_in_era - 1)) /
        365;
    const std::int64_t day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const std::int64_t month = (5 * day_of_year + 2) / 153;  // March is 0
    Date date;
    date.day = static_cast<unsigned>(day_of_year - (153 * month + 2) / 5 + 1);
    date.month = static_cast<unsigned>(month < 10 ? month + 3 : month - 9);
    date.year = era * 400 + year_of_era + (date.month <= 2 ? 1 : 0);
    return date;
}

static_assert(days_from({2000, 1, 1}) == 0 && days_from({1970, 1, 1}) == -10957);
static_assert(days_from({-4713, 11, 24}) * day == timestamp_min);
static_assert(days_from({294277, 1, 1}) * day == timestamp_end);

// Reads a text from its front; every function says whether it found what it looks for.
class TextCursor {
public:
    explicit TextCursor(std::string_view text) : rest_(text) {}

    bool literal(char wanted) {
        if (rest_.empty() || rest_.front() != wanted) return false;
        rest_.remove_prefix(1);
        return true;
    }
    bool one_of(std::string_view wanted) {
        return !rest_.empty() && wanted.find(rest_.front()) != std::string_view::npos &&
               literal(rest_.front());
    }
    bool text(std::string_view wanted) {
        if (rest_.substr(0, wanted.size()) != wanted) return false;
        rest_.remove_prefix(wanted.size());
        return true;
    }
    // `digits_min` to `digits_max` digits, no more following.
    template <class Number>
    bool number(std::size_t digits_min, std::size_t digits_max, Number& value) {
        const std::size_t digits = count_digits();
        if (digits < digits_min || digits > digits_max) return false;
        std::from_chars(rest_.data(), rest_.data() + digits, value);
        rest_.remove_prefix(digits);
        return true;
    }
    std::size_t count_digits() const {
        return std::min(rest_.find_first_not_of("0123456789"), rest_.size());
    }
    char front() const { return rest_.empty() ? '\0' : rest_.front(); }
    bool at_end() const { return rest_.empty(); }

private:
    std::string_view rest_;
};

constexpr unsigned days_in_month(std::int64_t year, unsigned month) {
    constexpr std::array<unsigned, 12> days{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 && leap ? 29 : days[month - 1];
}

// The year as it is written; 1 to 294277.
bool parse_date(TextCursor& text, Date& date) {
    return text.number(4, 6, date.year) && text.literal('-') && text.number(2, 2, date.month) &&
           text.literal('-') && text.number(2, 2, date.day) && date.year >= 1 && date.month >= 1 &&
           date.month <= 12;
}

// Up to six digits after the dot.
bool parse_fraction(TextCursor& text, std::int64_t& microseconds) {
    const std::size_t digits = text.count_digits();
    if (!text.number(1, 6, microseconds)) return false;
    for (std::size_t i = digits; i < 6; ++i) microseconds *= 10;
    return true;
}

bool parse_time(TextCursor& text, std::int64_t& microseconds) {
    std::int64_t hours = 0;
    std::int64_t minutes = 0;
    std::int64_t seconds = 0;
    std::int64_t fraction = 0;
    if (!text.number(2, 2, hours) || !text.literal(':') || !text.number(2, 2, minutes))
        return false;
    if (text.literal(':')) {
        if (!text.number(2, 2, seconds)) return false;
        if (text.literal('.') && !parse_fraction(text, fraction)) return false;
    }
    microseconds = hours * hour + minutes * minute + seconds * second + fraction;
    return hours < 24 && minutes < 60 && seconds < 60;
}

// East is positive.
bool parse_offset(TextCursor& text, std::int64_t& microseconds) {
    microseconds = 0;
    if (text.literal('Z')) return true;
    const bool west = text.front() == '-';
    std::int64_t hours = 0;
    std::int64_t minutes = 0;
    std::int64_t seconds = 0;
    if (!text.one_of("+-") || !text.number(2, 2, hours)) return false;
    if (text.literal(':') && !text.number(2, 2, minutes)) return false;
    if (text.literal(':') && !text.number(2, 2, seconds)) return false;
    microseconds = hours * hour + minutes * minute + seconds * second;
    if (west) microseconds = -microseconds;
    return hours < 16 && minutes < 60 && seconds < 60;  // MAX_TZDISP_HOUR
}

}  // namespace

Result<Timestamp> Timestamp::load(std::int64_t microseconds) {
    const Timestamp timestamp(microseconds);
    if (timestamp.is_finite() && (microseconds < timestamp_min || microseconds >= timestamp_end))
        return out_of_range(std::to_string(microseconds) + " microseconds from 2000-01-01");
    return timestamp;
}

Result<Timestamp> Timestamp::from_unix_microseconds(std::int64_t microseconds) {
    constexpr std::int64_t epoch = epoch_unix_seconds * second;
    // Too early by far, and the subtraction would overflow.
    if (microseconds < timestamp_min)
        return out_of_range(std::to_string(microseconds) + " microseconds from 1970-01-01");
    return load(microseconds - epoch);
}

Result<Timestamp> Timestamp::from_unix_seconds(std::int64_t seconds) {
    if (seconds < timestamp_min / second || seconds > timestamp_end / second)
        return out_of_range(std::to_string(seconds) + " seconds from 1970-01-01");
    return load((seconds - epoch_unix_seconds) * second);
}

Timestamp Timestamp::from(WallTime time) {
    const auto unix_time =
        std::chrono::floor<std::chrono::microseconds>(time.time_since_epoch()).count();
    return Timestamp(unix_time - epoch_unix_seconds * second);
}

std::optional<std::int64_t> Timestamp::unix_microseconds() const {
    constexpr std::int64_t epoch = epoch_unix_seconds * second;
    if (!is_finite() || microseconds_ > INT64_MAX - epoch) return std::nullopt;
    return microseconds_ + epoch;
}

std::optional<std::int64_t> Timestamp::unix_seconds() const {
    if (!is_finite()) return std::nullopt;
    return floor_div(microseconds_, second) + epoch_unix_seconds;
}

std::optional<WallTime> Timestamp::wall_time() const {
    using std::chrono::microseconds;
    constexpr auto first = std::chrono::ceil<microseconds>(WallTime::min().time_since_epoch());
    constexpr auto last = std::chrono::floor<microseconds>(WallTime::max().time_since_epoch());
    const auto unix_time = unix_microseconds();
    if (!unix_time || *unix_time < first.count() || *unix_time > last.count()) return std::nullopt;
    return WallTime(microseconds(*unix_time));
}

std::string Timestamp::to_string() const {
    if (*this == infinity()) return "infinity";
    if (*this == minus_infinity()) return "-infinity";
    const std::int64_t days = floor_div(microseconds_, day);
    const std::int64_t time = microseconds_ - days * day;
    const Date date = date_of(days);
    const bool before_christ = date.year <= 0;
    std::array<char, 64> text{};
    std::snprintf(text.data(),
                  text.size(),
                  "%04lld-%02u-%02u %02d:%02d:%02d.%06d",
                  static_cast<long long>(before_christ ? 1 - date.year : date.year),
                  date.month,
                  date.day,
                  static_cast<int>(time / hour),
                  static_cast<int>(time % hour / minute),
                  static_cast<int>(time % minute / second),
                  static_cast<int>(time % second));
    std::string result = text.data();
    result.erase(result.find_last_not_of('0') + 1);
    if (result.back() == '.') result.pop_back();
    result += "+00";
    if (before_christ) result += " BC";
    return result;
}

Result<Timestamp> Timestamp::parse(std::string_view text) {
    if (text == "infinity") return infinity();
    if (text == "-infinity") return minus_infinity();
    TextCursor cursor(text);
    Date date;
    std::int64_t time = 0;
    std::int64_t offset = 0;
    if (!parse_date(cursor, date) || !cursor.one_of(" T") || !parse_time(cursor, time) ||
        !parse_offset(cursor, offset))
        return invalid(text);
    if (cursor.text(" BC")) date.year = 1 - date.year;
    if (!cursor.at_end() || date.day < 1 || date.day > days_in_month(date.year, date.month))
        return invalid(text);
    // A day more at both ends is enough for every offset, and far from an overflow.
    const std::int64_t days = days_from(date);
    if (days < timestamp_min / day - 1 || days > timestamp_end / day) return out_of_range(text);
    const std::int64_t microseconds = days * day + time - offset;
    if (microseconds < timestamp_min || microseconds >= timestamp_end) return out_of_range(text);
    return Timestamp(microseconds);
}

}  // namespace sluice::pgwal
