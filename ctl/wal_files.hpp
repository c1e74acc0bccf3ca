#pragma once

#include "common/base/bytes.hpp"
#include "common/base/lsn.hpp"
#include "common/base/result.hpp"
#include "common/pgwal/page.hpp"
#include "common/pgwal/segment.hpp"
#include "common/pgwal/segment_source.hpp"
#include "common/pgwal/timeline_history.hpp"
#include "common/pgwal/version.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::ctl {

// Opens for reading; a file that is not there is no failure of the medium.
class WalFile {
public:
    // nullopt: there is no such file.
    static Result<std::optional<WalFile>> open(const std::filesystem::path& path);
    WalFile(WalFile&& other) noexcept;
    WalFile& operator=(WalFile&& other) noexcept;
    ~WalFile();

    // Bytes read, fewer than to.size() only at the end of the file.
    Result<std::size_t> read_at(std::uint64_t offset, ByteSpan to) const;

private:
    WalFile(int descriptor, std::filesystem::path path)
        : descriptor_(descriptor), path_(std::move(path)) {}

    int descriptor_;
    std::filesystem::path path_;
};

struct WalSegment {
    pgwal::SegmentName name;
    std::filesystem::path path;
    std::uint64_t bytes = 0;
};

// The segments in a folder (pg_wal, an archive, what pg_receivewal wrote) or in a list of files, and
// what their first pages say of the server. The bytes of the segments stay on disk.
class WalFiles {
public:
    // errors: kind storage: no folder, no segment, none of PostgreSQL 14 to 18, or a name that the
    //         segment size does not allow
    static Result<WalFiles> load_folder(const std::filesystem::path& folder);
    // As above; a file that is not named like a segment is taken for what its first page says.
    static Result<WalFiles> load_files(const std::vector<std::filesystem::path>& files);

    pgwal::PgMajor major() const { return major_; }
    pgwal::SegmentSize segment_size() const { return segment_size_; }
    std::uint64_t system_id() const { return system_id_; }

    // Ascending.
    std::vector<std::uint32_t> timelines() const;
    // Of one timeline, ascending. A complete file hides a .partial one of the same name.
    std::vector<WalSegment> segments_of(std::uint32_t timeline) const;
    const WalSegment* find(std::uint32_t timeline, std::uint64_t segment) const;
    // nullopt: there is no history file. Timeline 1 needs none.
    Result<std::optional<pgwal::TimelineHistory>> history_of(std::uint32_t timeline) const;

private:
    Result<void> add(const std::vector<std::filesystem::path>& paths);
    Result<void> detect(const std::vector<std::filesystem::path>& paths);
    Result<pgwal::SegmentName> name_of(const std::filesystem::path& path) const;

    std::filesystem::path folder_;  // of history files
    pgwal::PgMajor major_{};
    pgwal::SegmentSize segment_size_;
    std::uint64_t system_id_ = 0;
    std::map<std::pair<std::uint32_t, std::uint64_t>, WalSegment> segments_;
};

// The WAL of one timeline, read from its files.
class WalFileSource final : public pgwal::SegmentSource {
public:
    // What is before the timeline began comes from its ancestors, when there is a history file that
    // names them. A timeline that begins within a segment has a copy of what comes before it there.
    enum class Ancestors { read, ignore };
    // `files` outlives this. `on_segment` is called before each segment.
    //   errors: those of a history file that is there and wrong
    static Result<WalFileSource> load(const WalFiles& files,
                                      std::uint32_t timeline,
                                      Ancestors ancestors,
                                      std::function<void(const WalSegment&)> on_segment = {});

    Result<std::size_t> read(Lsn from, ByteSpan to) override;

    // The file that holds this segment; null when there is none.
    const WalSegment* select(std::uint64_t segment) const;

private:
    // Which segments may come from a timeline.
    struct Origin {
        std::uint32_t timeline = 0;
        std::uint64_t first_segment = 0;
        std::uint64_t last_segment = 0;
    };
    explicit WalFileSource(const WalFiles& files) : files_(&files) {}

    const WalFiles* files_;
    std::vector<Origin> origins_;  // newest first
    std::function<void(const WalSegment&)> on_segment_;
    std::optional<WalFile> open_;
    const WalSegment* open_segment_ = nullptr;
};

}  // namespace sluice::ctl
