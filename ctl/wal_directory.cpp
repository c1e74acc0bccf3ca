#include "ctl/wal_directory.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>

namespace sluice::ctl {

namespace {

using pgwal::SegmentName;

Error file_error(std::string_view what, const std::filesystem::path& file) {
    return Error(ErrorKind::storage,
                 std::string(what) + " " + file.string(),
                 {errno, boost::system::system_category()});
}

Result<pgwal::TimelineHistory> load_history(const std::filesystem::path& folder,
                                            std::uint32_t timeline) {
    pgwal::TimelineHistory history;
    if (timeline == history.timeline) return history;
    const std::filesystem::path file = folder / pgwal::history_file_name(timeline);
    std::ifstream stream(file, std::ios::binary);
    if (!stream) return file_error("cannot open", file);
    const std::string content{std::istreambuf_iterator<char>(stream), {}};
    auto parsed = pgwal::parse_timeline_history(timeline, content);
    if (!parsed) return parsed.error().to_error().with(file.string());
    return *std::move(parsed);
}

}  // namespace

Result<WalDirectory> WalDirectory::load(std::filesystem::path folder,
                                        pgwal::SegmentSize segment_size,
                                        std::uint32_t timeline) {
    auto history = load_history(folder, timeline);
    if (!history) return std::move(history).error();
    return WalDirectory(std::move(folder), segment_size, *std::move(history));
}

WalDirectory::WalDirectory(std::filesystem::path folder,
                           pgwal::SegmentSize segment_size,
                           pgwal::TimelineHistory history)
    : folder_(std::move(folder)), segment_size_(segment_size), history_(std::move(history)) {}

WalDirectory::WalDirectory(WalDirectory&& other) noexcept
    : folder_(std::move(other.folder_)),
      segment_size_(other.segment_size_),
      history_(std::move(other.history_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      open_segment_(other.open_segment_),
      open_file_(std::move(other.open_file_)) {}

WalDirectory::~WalDirectory() { close(); }

void WalDirectory::close() {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = -1;
}

// Newest first.
std::vector<std::uint32_t> WalDirectory::timelines_between(Lsn first, Lsn last) const {
    const std::uint32_t oldest = history_.timeline_of(first);
    const std::uint32_t newest = history_.timeline_of(last);
    std::vector<std::uint32_t> timelines;
    if (newest == history_.timeline) timelines.push_back(newest);
    for (auto it = history_.ancestors.rbegin(); it != history_.ancestors.rend(); ++it)
        if (it->timeline >= oldest && it->timeline <= newest) timelines.push_back(it->timeline);
    return timelines;
}

std::optional<std::filesystem::path> WalDirectory::find_file(std::uint64_t segment) const {
    const Lsn first = segment_size_.start_of(segment);
    const Lsn last = first + (segment_size_.bytes() - 1);
    // A timeline that begins within the segment has a copy of what comes before.
    for (const std::uint32_t timeline : timelines_between(first, last)) {
        for (const bool partial : {false, true}) {
            auto file = folder_ / to_string(SegmentName{timeline, segment, partial}, segment_size_);
            std::error_code ignored;
            if (std::filesystem::is_regular_file(file, ignored)) return file;
        }
    }
    return std::nullopt;
}

Result<bool> WalDirectory::open(std::uint64_t segment) {
    if (descriptor_ >= 0 && open_segment_ == segment) return true;
    close();
    const auto file = find_file(segment);
    if (!file) return false;
    open_file_ = *file;
    open_segment_ = segment;
    descriptor_ = ::open(file->c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor_ < 0) return file_error("cannot open", *file);
    return true;
}

Result<std::size_t> WalDirectory::read(Lsn from, ByteSpan to) {
    auto opened = open(segment_size_.segment_of(from));
    if (!opened) return std::move(opened).error();
    if (!*opened) return std::size_t{0};
    const std::uint32_t offset = segment_size_.offset_of(from);
    const std::size_t wanted = std::min<std::size_t>(to.size(), segment_size_.bytes() - offset);
    ssize_t got = 0;
    do {
        got = ::pread(descriptor_, to.data(), wanted, offset);
    } while (got < 0 && errno == EINTR);
    if (got < 0) return file_error("cannot read", open_file_);
    return static_cast<std::size_t>(got);
}

}  // namespace sluice::ctl
