#pragma once

#include "common/pgwal/segment.hpp"
#include "common/pgwal/segment_source.hpp"
#include "common/pgwal/timeline_history.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

namespace sluice::ctl {

// The segments in a folder such as pg_wal or a local archive, as one timeline sees them: a segment
// comes from the timeline itself, or from an ancestor as far as the history says that it has that
// WAL. A whole file is preferred to a ".partial" one of the same timeline.
class WalDirectory final : public pgwal::SegmentSource {
public:
    // Reads the history file of the timeline from the folder, which timeline 1 does not have.
    //   errors: no history file, or what is wrong with it
    static Result<WalDirectory> load(std::filesystem::path folder,
                                     pgwal::SegmentSize segment_size,
                                     std::uint32_t timeline);
    ~WalDirectory() override;
    WalDirectory(WalDirectory&& other) noexcept;
    WalDirectory& operator=(WalDirectory&&) = delete;

    Result<std::size_t> read(Lsn from, ByteSpan to) override;

    // The file that holds a segment; nullopt when there is none.
    std::optional<std::filesystem::path> find_file(std::uint64_t segment) const;

private:
    WalDirectory(std::filesystem::path folder,
                 pgwal::SegmentSize segment_size,
                 pgwal::TimelineHistory history);

    std::vector<std::uint32_t> timelines_between(Lsn first, Lsn last) const;
    Result<bool> open(std::uint64_t segment);
    void close();

    std::filesystem::path folder_;
    pgwal::SegmentSize segment_size_;
    pgwal::TimelineHistory history_;
    // The file that was read last stays open.
    int descriptor_ = -1;
    std::uint64_t open_segment_ = 0;
    std::filesystem::path open_file_;
};

}  // namespace sluice::ctl
