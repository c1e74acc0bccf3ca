#include "ctl/wal_verify.hpp"

#include "common/pgwal/end_of_wal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace sluice::ctl {

namespace {

using pgwal::EndOfWal;
using pgwal::page_bytes;
using pgwal::WalTail;

class Verification {
public:
    Verification(const WalFiles& files, std::uint32_t timeline, const VerifySettings& settings)
        : files_(files),
          size_(files.segment_size()),
          settings_(settings),
          segments_(files.segments_of(timeline)) {
        report_.timeline = timeline;
        report_.segments = segments_.size();
    }

    Result<TimelineReport> run();

private:
    Result<EndOfWal> read_all();
    std::optional<WalProblem> check_file_sizes() const;
    Lsn stop_of(const EndOfWal& end) const;
    bool has_changed(const EndOfWal& end) const;
    std::string reason_of(const EndOfWal& end) const;
    Result<void> judge_end(const EndOfWal& end);
    Result<std::optional<Lsn>> find_wal_behind(Lsn stop) const;
    Result<std::optional<Lsn>> find_page(const WalSegment& segment, Lsn first, Lsn last) const;
    std::optional<WalProblem> check_content() const;
    bool belongs(const pgwal::PageHeader& header, Lsn page) const;
    std::optional<WalProblem> check_used_to_the_end(const EndOfWal& end) const;
    std::optional<WalProblem> check_numbers() const;
    std::optional<WalProblem> check_partial(const EndOfWal& end) const;
    Result<std::optional<WalProblem>> check_begin() const;
    Result<std::optional<WalProblem>> check_descendants() const;
    WalProblem gap(std::uint64_t first, std::uint64_t last) const;
    std::string name_of(std::uint64_t segment) const {
        return to_string(pgwal::SegmentName{report_.timeline, segment, false}, size_);
    }

    const WalFiles& files_;
    pgwal::SegmentSize size_;
    const VerifySettings& settings_;
    std::vector<WalSegment> segments_;
    TimelineReport report_;
};

Result<TimelineReport> Verification::run() {
    report_.begin = size_.start_of(segments_.front().name.segment);
    auto end = read_all();
    if (!end) return std::move(end).error();
    report_.end = end->lsn;
    report_.records = end->records;
    if (has_changed(*end))
        return Error(ErrorKind::storage,
                     fmt::format("{} changed while it was read: verify again, best while no server "
                                 "writes there",
                                 name_of(size_.segment_of(end->stop))));
    if (auto judged = judge_end(*end); !judged) return std::move(judged).error();

    if (!report_.problem) report_.problem = check_content();
    if (!report_.problem) report_.problem = check_partial(*end);
    if (!report_.problem) report_.problem = check_file_sizes();
    if (!report_.problem && settings_.archive) report_.problem = check_numbers();
    if (!report_.problem && settings_.archive) report_.problem = check_used_to_the_end(*end);
    for (const auto check : {&Verification::check_begin, &Verification::check_descendants}) {
        if (report_.problem) break;
        auto problem = (this->*check)();
        if (!problem) return std::move(problem).error();
        report_.problem = std::move(*problem);
    }
    return std::move(report_);
}

Result<EndOfWal> Verification::read_all() {
    std::size_t read = 0;
    const auto on_segment = [this, &read](const WalSegment& segment) {
        ++read;
        report_.partial = segment.name.partial;
        if (settings_.progress) settings_.progress(report_.timeline, read, segments_.size());
    };
    auto source =
        WalFileSource::load(files_, report_.timeline, WalFileSource::Ancestors::ignore, on_segment);
    if (!source) return std::move(source).error();
    return pgwal::find_end_of_wal(*source,
                                  {.major = files_.major(),
                                   .segment_size = size_,
                                   .start = report_.begin,
                                   .start_at = pgwal::WalStart::first_record,
                                   .system_id = files_.system_id()});
}

// Where reading stopped: up to there the bytes were of use.
Lsn Verification::stop_of(const EndOfWal& end) const {
    if (end.tail == WalTail::missing) return end.stop;
    return std::max(end.error.lsn, end.lsn);
}

// Reading stopped where the list of files has bytes: a running server removes and renames them.
bool Verification::has_changed(const EndOfWal& end) const {
    if (end.tail != WalTail::missing) return false;
    const auto* segment = files_.find(report_.timeline, size_.segment_of(end.stop));
    return segment != nullptr && size_.offset_of(end.stop) < segment->bytes;
}

// The WAL ends somewhere. When more of it stands behind that place, something is wrong there.
Result<void> Verification::judge_end(const EndOfWal& end) {
    report_.end_reason = reason_of(end);
    const Lsn stop = stop_of(end);
    auto behind = find_wal_behind(stop);
    if (!behind) return std::move(behind).error();
    if (*behind) {
        const auto missing = size_.segment_of(stop);
        if (end.tail == WalTail::missing && size_.offset_of(stop) == 0)
            report_.problem = gap(missing, size_.segment_of(**behind) - 1);
        else
            report_.problem = WalProblem{WalProblem::Kind::damage,
                                         end.lsn,
                                         fmt::format("{}, and the WAL goes on behind it at {}",
                                                     report_.end_reason,
                                                     (*behind)->to_string())};
        return {};
    }
    report_.segments_ahead = static_cast<std::size_t>(
        std::count_if(segments_.begin(), segments_.end(), [&](const WalSegment& segment) {
            return size_.start_of(segment.name.segment) >= stop;
        }));
    return {};
}

std::string Verification::reason_of(const EndOfWal& end) const {
    switch (end.tail) {
    case WalTail::zeros: return "nothing was written there yet";
    case WalTail::damage: return end.error.reason;
    case WalTail::missing: break;
    }
    if (end.open_record.valid())
        return fmt::format("the record at {} goes on where no file is",
                           end.open_record.to_string());
    return "the last file ends";
}

// The first page behind `stop` that belongs where it stands. A recycled segment has pages of other
// places, or of the timeline that the server came from.
Result<std::optional<Lsn>> Verification::find_wal_behind(Lsn stop) const {
    const Lsn page((stop.value() + page_bytes - 1) / page_bytes * page_bytes);
    for (const auto& segment : segments_) {
        const Lsn first = size_.start_of(segment.name.segment);
        if (first + size_.bytes() <= stop) continue;
        auto found = find_page(segment, std::max(first, page), first + size_.bytes());
        if (!found || *found) return found;
    }
    return std::optional<Lsn>();
}

Result<std::optional<Lsn>> Verification::find_page(const WalSegment& segment,
                                                   Lsn first,
                                                   Lsn last) const {
    auto file = WalFile::open(segment.path);
    if (!file) return std::move(file).error();
    for (auto page = first; *file && page < last; page = page + page_bytes) {
        std::array<std::uint8_t, pgwal::long_page_header_bytes> bytes{};
        const auto got = (*file)->read_at(size_.offset_of(page), bytes);
        if (!got) return got.error();
        const auto header = pgwal::decode_page_header(ByteView(bytes).first(*got));
        if (header && belongs(*header, page)) return std::optional<Lsn>(page);
    }
    return std::optional<Lsn>();
}

bool Verification::belongs(const pgwal::PageHeader& header, Lsn page) const {
    return header.magic == pgwal::page_magic(files_.major()) && header.address == page &&
           header.timeline == report_.timeline;
}

WalProblem Verification::gap(std::uint64_t first, std::uint64_t last) const {
    return {WalProblem::Kind::gap,
            size_.start_of(first),
            first == last
                ? fmt::format("segment {} is missing", name_of(first))
                : fmt::format("segments {} to {} are missing", name_of(first), name_of(last))};
}

std::optional<WalProblem> Verification::check_file_sizes() const {
    for (const auto& segment : segments_) {
        if (segment.name.partial || segment.bytes == size_.bytes()) continue;
        return WalProblem{WalProblem::Kind::damage,
                          size_.start_of(segment.name.segment),
                          fmt::format("the file {} has {} instead of {} bytes",
                                      segment.path.filename().string(),
                                      segment.bytes,
                                      size_.bytes())};
    }
    return std::nullopt;
}

// Where every file is one that the server made ahead, there is nothing to recover from.
std::optional<WalProblem> Verification::check_content() const {
    if (report_.segments_ahead < segments_.size()) return std::nullopt;
    return WalProblem{
        WalProblem::Kind::damage,
        report_.begin,
        fmt::format(
            "{} holds no WAL: {}", segments_.front().path.filename().string(), report_.end_reason)};
}

// A restore_command is never asked for a .partial file, and a server does not look for one.
std::optional<WalProblem> Verification::check_partial(const EndOfWal& end) const {
    for (const auto& segment : segments_) {
        const auto next = size_.start_of(segment.name.segment) + size_.bytes();
        if (!segment.name.partial || end.lsn <= next) continue;
        return WalProblem{
            WalProblem::Kind::gap,
            size_.start_of(segment.name.segment),
            fmt::format("segment {} is there only as .partial, which no recovery reads",
                        name_of(segment.name.segment))};
    }
    return std::nullopt;
}

// An archive has no files that a server made ahead.
std::optional<WalProblem> Verification::check_numbers() const {
    for (std::size_t i = 1; i < segments_.size(); ++i) {
        const auto expected = segments_[i - 1].name.segment + 1;
        const auto number = segments_[i].name.segment;
        if (number != expected) return gap(expected, number - 1);
    }
    return std::nullopt;
}

// An archive gets segments when they are full, or ended by XLOG_SWITCH.
std::optional<WalProblem> Verification::check_used_to_the_end(const EndOfWal& end) const {
    if (end.tail == WalTail::missing) return std::nullopt;
    const auto* segment = files_.find(report_.timeline, size_.segment_of(stop_of(end)));
    if (segment == nullptr || segment->name.partial) return std::nullopt;
    return WalProblem{WalProblem::Kind::damage,
                      end.lsn,
                      fmt::format("{} is archived as complete, but its WAL ends at {}: {}",
                                  segment->path.filename().string(),
                                  end.lsn.to_string(),
                                  report_.end_reason)};
}

// A timeline starts with the segment in which it left its parent.
Result<std::optional<WalProblem>> Verification::check_begin() const {
    using Problem = std::optional<WalProblem>;
    if (report_.timeline == 1) return Problem();
    auto history = files_.history_of(report_.timeline);
    if (!history) return std::move(history).error();
    if (!*history)
        return Problem(WalProblem{WalProblem::Kind::history,
                                  report_.begin,
                                  pgwal::history_file_name(report_.timeline) + " is missing"});
    const auto begin = size_.segment_of(*(*history)->begin_of(report_.timeline));
    const auto first = segments_.front().name.segment;
    if (first < begin)
        return Problem(
            WalProblem{WalProblem::Kind::history,
                       report_.begin,
                       fmt::format("{} is from before the timeline began, by its .history file",
                                   name_of(first))});
    // Older WAL may have been removed; while the parent's is there, there must be no gap.
    const auto& ancestors = (*history)->ancestors;
    if (first == begin || ancestors.empty()) return Problem();
    const auto parent = files_.segments_of(ancestors.back().timeline);
    const bool joins = std::any_of(parent.begin(), parent.end(), [&](const WalSegment& segment) {
        return segment.name.segment <= begin;
    });
    return joins ? Problem(gap(begin, first - 1)) : Problem();
}

// Where a timeline that is there too left this one, this one must have had WAL.
Result<std::optional<WalProblem>> Verification::check_descendants() const {
    using Problem = std::optional<WalProblem>;
    for (const auto other : files_.timelines()) {
        if (other <= report_.timeline) continue;
        auto history = files_.history_of(other);
        if (!history) return std::move(history).error();
        if (!*history || (*history)->ancestors.empty()) continue;
        const auto& parent = (*history)->ancestors.back();
        if (parent.timeline != report_.timeline || parent.end <= report_.end) continue;
        // The new timeline has a copy of the segment in which it begins.
        if (report_.end >= size_.start_of(size_.segment_of(parent.end))) continue;
        return Problem(
            WalProblem{WalProblem::Kind::history,
                       report_.end,
                       fmt::format("timeline {} begins at {}, but the WAL before it ends at {}",
                                   other,
                                   parent.end.to_string(),
                                   report_.end.to_string())});
    }
    return Problem();
}

}  // namespace

std::string_view to_string(WalProblem::Kind kind) {
    switch (kind) {
    case WalProblem::Kind::gap: return "gap";
    case WalProblem::Kind::damage: return "damage";
    case WalProblem::Kind::history: return "history";
    }
    return "unknown";
}

Result<TimelineReport> verify_timeline(const WalFiles& files,
                                       std::uint32_t timeline,
                                       const VerifySettings& settings) {
    return Verification(files, timeline, settings).run();
}

}  // namespace sluice::ctl
