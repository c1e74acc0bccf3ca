#include "ctl/wal_files.hpp"

#include "common/base/text.hpp"
#include "ctl/files.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <set>
#include <system_error>
#include <utility>

namespace sluice::ctl {

namespace {

Error io_error(const std::string& what, const std::filesystem::path& path, int number) {
    return Error(ErrorKind::storage,
                 fmt::format("cannot {} {}", what, printable(path.string(), 4096)),
                 {number, boost::system::system_category()});
}

Result<std::vector<std::filesystem::path>> list_folder(const std::filesystem::path& folder) {
    std::vector<std::filesystem::path> paths;
    try {
        for (const auto& entry : std::filesystem::directory_iterator(folder)) {
            if (!pgwal::is_segment_name(entry.path().filename().string())) continue;
            if (entry.is_regular_file()) paths.push_back(entry.path());
        }
    } catch (const std::filesystem::filesystem_error& problem) {
        return io_error("list the folder", folder, problem.code().value());
    }
    std::sort(paths.begin(), paths.end());
    return paths;
}

// The header of the first page; nullopt when the file is shorter than one.
Result<std::optional<pgwal::PageHeader>> first_page_header(const std::filesystem::path& path) {
    auto file = WalFile::open(path);
    if (!file) return std::move(file).error();
    if (!*file) return io_error("open", path, ENOENT);
    std::array<std::uint8_t, pgwal::long_page_header_bytes> bytes{};
    const auto got = (*file)->read_at(0, bytes);
    if (!got) return got.error();
    return pgwal::decode_page_header(ByteView(bytes).first(*got));
}

}  // namespace

Result<std::optional<WalFile>> WalFile::open(const std::filesystem::path& path) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0 && errno == ENOENT) return std::optional<WalFile>();
    if (descriptor < 0) return io_error("open", path, errno);
    ::posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL);
    return std::optional<WalFile>(WalFile(descriptor, path));
}

WalFile::WalFile(WalFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), path_(std::move(other.path_)) {}

WalFile& WalFile::operator=(WalFile&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    std::swap(path_, other.path_);
    return *this;
}

WalFile::~WalFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

Result<std::size_t> WalFile::read_at(std::uint64_t offset, ByteSpan to) const {
    std::size_t got = 0;
    while (got < to.size()) {
        const auto count = ::pread(
            descriptor_, to.data() + got, to.size() - got, static_cast<off_t>(offset + got));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return io_error("read", path_, errno);
        if (count == 0) break;
        got += static_cast<std::size_t>(count);
    }
    return got;
}

Result<WalFiles> WalFiles::load_folder(const std::filesystem::path& folder) {
    auto paths = list_folder(folder);
    if (!paths) return std::move(paths).error();
    if (paths->empty())
        return Error(
            ErrorKind::storage,
            fmt::format("there is no WAL segment in {}", printable(folder.string(), 4096)));
    WalFiles files;
    files.folder_ = folder;
    if (auto added = files.add(*paths); !added) return std::move(added).error();
    return files;
}

Result<WalFiles> WalFiles::load_files(const std::vector<std::filesystem::path>& paths) {
    WalFiles files;
    if (!paths.empty()) files.folder_ = paths.front().parent_path();
    if (auto added = files.add(paths); !added) return std::move(added).error();
    return files;
}

Result<void> WalFiles::add(const std::vector<std::filesystem::path>& paths) {
    if (auto detected = detect(paths); !detected) return detected;
    for (const auto& path : paths) {
        auto name = name_of(path);
        if (!name) return std::move(name).error();
        std::error_code failure;
        const auto bytes = std::filesystem::file_size(path, failure);
        // The server may have renamed it since.
        if (failure) continue;
        auto& segment = segments_[{name->timeline, name->segment}];
        if (segment.path.empty() || segment.name.partial) segment = {*name, path, bytes};
    }
    return {};
}

// By the first file that looks like WAL: one that the server made ahead holds old WAL or zeros.
Result<void> WalFiles::detect(const std::vector<std::filesystem::path>& paths) {
    std::optional<Error> problem;
    for (const auto& path : paths) {
        auto header = first_page_header(path);
        if (!header) return std::move(header).error();
        if (!*header || **header == pgwal::PageHeader{} || !(*header)->is_long()) continue;
        const auto major = pgwal::load_major_of_page_magic((*header)->magic);
        const auto size = pgwal::SegmentSize::load((*header)->segment_bytes);
        if (major && size) {
            major_ = *major;
            segment_size_ = *size;
            system_id_ = (*header)->system_id;
            return {};
        }
        if (!problem)
            problem =
                Error(major ? size.error() : major.error()).with(printable(path.string(), 4096));
    }
    if (problem) return *problem;
    return Error(ErrorKind::storage,
                 paths.size() == 1
                     ? fmt::format("{} does not begin with the first page of a WAL segment",
                                   printable(paths.front().string(), 4096))
                     : "none of the files begins with the first page of a WAL segment");
}

Result<pgwal::SegmentName> WalFiles::name_of(const std::filesystem::path& path) const {
    const auto text = path.filename().string();
    if (pgwal::is_segment_name(text)) return pgwal::parse_segment_name(text, segment_size_);
    auto header = first_page_header(path);
    if (!header) return std::move(header).error();
    if (!*header || segment_size_.offset_of((*header)->address) != 0)
        return Error(ErrorKind::storage,
                     fmt::format("{} is neither named like a WAL segment nor begins like one",
                                 printable(path.string(), 4096)));
    return pgwal::SegmentName{
        (*header)->timeline, segment_size_.segment_of((*header)->address), false};
}

std::vector<std::uint32_t> WalFiles::timelines() const {
    std::set<std::uint32_t> timelines;
    for (const auto& [key, segment] : segments_) timelines.insert(key.first);
    return {timelines.begin(), timelines.end()};
}

std::vector<WalSegment> WalFiles::segments_of(std::uint32_t timeline) const {
    std::vector<WalSegment> segments;
    for (auto it = segments_.lower_bound({timeline, 0});
         it != segments_.end() && it->first.first == timeline;
         ++it)
        segments.push_back(it->second);
    return segments;
}

const WalSegment* WalFiles::find(std::uint32_t timeline, std::uint64_t segment) const {
    const auto found = segments_.find({timeline, segment});
    return found == segments_.end() ? nullptr : &found->second;
}

Result<std::optional<pgwal::TimelineHistory>> WalFiles::history_of(std::uint32_t timeline) const {
    using History = std::optional<pgwal::TimelineHistory>;
    const auto path = folder_ / pgwal::history_file_name(timeline);
    std::error_code failure;
    if (timeline == 1 || !std::filesystem::exists(path, failure)) return History();
    auto history = pgwal::parse_timeline_history(timeline, read_file(path));
    if (!history) return history.error().to_error().with(printable(path.string(), 4096));
    return History(std::move(*history));
}

Result<WalFileSource> WalFileSource::load(const WalFiles& files,
                                          std::uint32_t timeline,
                                          Ancestors ancestors,
                                          std::function<void(const WalSegment&)> on_segment) {
    WalFileSource source(files);
    source.on_segment_ = std::move(on_segment);
    constexpr auto no_end = std::numeric_limits<std::uint64_t>::max();
    source.origins_.push_back({timeline, 0, no_end});
    if (ancestors == Ancestors::ignore) return source;

    auto history = files.history_of(timeline);
    if (!history) return std::move(history).error();
    if (!*history) return source;
    const auto size = files.segment_size();
    source.origins_.front().first_segment = size.segment_of(*(*history)->begin_of(timeline));
    const auto& ancestors_of = (*history)->ancestors;
    for (auto it = ancestors_of.rbegin(); it != ancestors_of.rend(); ++it) {
        if (!it->end.valid()) continue;
        source.origins_.push_back({it->timeline,
                                   size.segment_of(*(*history)->begin_of(it->timeline)),
                                   size.segment_of(Lsn(it->end.value() - 1))});
    }
    return source;
}

const WalSegment* WalFileSource::select(std::uint64_t segment) const {
    for (const auto& origin : origins_) {
        if (segment < origin.first_segment || segment > origin.last_segment) continue;
        if (const auto* found = files_->find(origin.timeline, segment)) return found;
    }
    return nullptr;
}

Result<std::size_t> WalFileSource::read(Lsn from, ByteSpan to) {
    const auto size = files_->segment_size();
    const auto number = size.segment_of(from);
    if (!open_ || open_segment_->name.segment != number) {
        open_.reset();
        open_segment_ = select(number);
        if (open_segment_ == nullptr) return std::size_t{0};
        if (on_segment_) on_segment_(*open_segment_);
        auto file = WalFile::open(open_segment_->path);
        if (!file) return std::move(file).error();
        open_ = std::move(*file);
        // The server may have removed it since.
        if (!open_) return std::size_t{0};
    }
    const auto offset = size.offset_of(from);
    return open_->read_at(offset,
                          to.first(std::min<std::size_t>(to.size(), size.bytes() - offset)));
}

}  // namespace sluice::ctl
