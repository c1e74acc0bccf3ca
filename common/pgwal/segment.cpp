#include "common/pgwal/segment.hpp"

#include "common/pgwal/errc.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

namespace sluice::pgwal {

namespace {

constexpr std::size_t digits = 24;
constexpr std::string_view partial_suffix = ".partial";

std::uint32_t parse_hex(std::string_view text) {
    std::uint32_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value, 16);
    return value;
}

Error invalid_name(std::string_view text, std::string_view why) {
    return Error(ErrorKind::storage,
                 "\"" + std::string(text.substr(0, 64)) + "\" is not the name of a WAL segment" +
                     std::string(why),
                 make_error_code(Errc::invalid_segment_name));
}

}  // namespace

Result<SegmentSize> SegmentSize::load(std::uint64_t bytes) {
    const bool power_of_two = bytes != 0 && (bytes & (bytes - 1)) == 0;
    if (!power_of_two || bytes < bytes_min || bytes > bytes_max)
        return Error(ErrorKind::storage,
                     "WAL segment size " + std::to_string(bytes) +
                         " is not a power of two from 1 MiB to 1 GiB",
                     make_error_code(Errc::invalid_segment_size));
    return SegmentSize(static_cast<std::uint32_t>(bytes));
}

std::string to_string(const SegmentName& name, SegmentSize size) {
    std::array<char, digits + 1> text{};
    std::snprintf(text.data(),
                  text.size(),
                  "%08X%08X%08X",
                  static_cast<unsigned>(name.timeline),
                  static_cast<unsigned>(name.segment / size.segments_per_id()),
                  static_cast<unsigned>(name.segment % size.segments_per_id()));
    std::string result = text.data();
    if (name.partial) result += partial_suffix;
    return result;
}

std::string segment_file_name(std::uint32_t timeline, Lsn lsn, SegmentSize size) {
    return to_string(SegmentName{timeline, size.segment_of(lsn), false}, size);
}

bool is_segment_name(std::string_view text) {
    const std::string_view suffix = text.substr(std::min(text.size(), digits));
    return text.size() >= digits && (suffix.empty() || suffix == partial_suffix) &&
           text.find_first_not_of("0123456789ABCDEF") >= digits;
}

Result<SegmentName> parse_segment_name(std::string_view text, SegmentSize size) {
    if (!is_segment_name(text)) return invalid_name(text, "");
    const std::uint64_t high = parse_hex(text.substr(8, 8));
    const std::uint64_t low = parse_hex(text.substr(16, 8));
    if (low >= size.segments_per_id())
        return invalid_name(text, " of " + std::to_string(size.bytes()) + " bytes");
    const std::uint32_t timeline = parse_hex(text.substr(0, 8));
    if (timeline == 0) return invalid_name(text, ": there is no timeline 0");
    return SegmentName{timeline, high * size.segments_per_id() + low, text.size() > digits};
}

}  // namespace sluice::pgwal
