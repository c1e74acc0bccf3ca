// sluicectl wal dump: the records of WAL files, one a line.

#include "common/base/startup_error.hpp"
#include "common/base/text.hpp"
#include "common/pgwal/decoder.hpp"
#include "ctl/commands.hpp"
#include "ctl/must.hpp"
#include "ctl/wal_files.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

namespace sluice::ctl {

namespace {

using pgwal::WalDecoder;
using pgwal::WalRecord;
using pgwal::WalStep;

constexpr std::size_t read_bytes = 128U << 10U;
constexpr std::size_t output_bytes = 64U << 10U;

WalFiles open_files(const std::vector<std::filesystem::path>& paths) {
    if (paths.size() == 1 && std::filesystem::is_directory(paths.front()))
        return must(WalFiles::load_folder(paths.front()));
    return must(WalFiles::load_files(paths));
}

std::uint32_t choose_timeline(const WalFiles& files, std::optional<std::uint32_t> wanted) {
    const auto timelines = files.timelines();
    if (!wanted) return timelines.back();
    if (std::find(timelines.begin(), timelines.end(), *wanted) == timelines.end())
        throw StartupError(fmt::format(
            "there is no segment of timeline {}, only of {}", *wanted, fmt::join(timelines, ", ")));
    return *wanted;
}

// Records as lines of text or of JSON; the lines of text are columns.
class RecordPrinter {
public:
    RecordPrinter(pgwal::PgMajor major, WalDumpOptions::Format format)
        : major_(major), format_(format) {}
    ~RecordPrinter() { flush(); }
    RecordPrinter(const RecordPrinter&) = delete;
    RecordPrinter& operator=(const RecordPrinter&) = delete;

    void heading() {
        if (format_ != WalDumpOptions::Format::table) return;
        line("{:<17} {:<17} {:>10} {:>10} {:<16} {:<4} {:<17} {:<8}\n",
             "START",
             "NEXT",
             "LENGTH",
             "XID",
             "RMGR",
             "INFO",
             "PREV",
             "CRC");
    }

    void record(const WalRecord& record) {
        if (format_ == WalDumpOptions::Format::quiet) return;
        const auto& header = record.header;
        const auto rmgr = pgwal::resource_manager_name(major_, header.resource_manager);
        if (format_ == WalDumpOptions::Format::table) {
            if (record.overwritten.valid())
                line("-- the record at {} was never finished: a crash took its end\n",
                     record.overwritten.to_string());
            line("{:<17} {:<17} {:>10} {:>10} {:<16} {:02X}   {:<17} {:08X}\n",
                 record.start.to_string(),
                 record.next.to_string(),
                 header.total_bytes,
                 header.xid,
                 rmgr,
                 header.info,
                 header.previous.to_string(),
                 header.crc);
            return;
        }
        line(R"({{"start":"{}","end":"{}","next":"{}","length":{},"xid":{},"rmgr":"{}",)"
             R"("rmgr_id":{},"info":{},"prev":"{}","crc":{})",
             record.start.to_string(),
             record.end.to_string(),
             record.next.to_string(),
             header.total_bytes,
             header.xid,
             rmgr,
             header.resource_manager,
             header.info,
             header.previous.to_string(),
             header.crc);
        if (record.overwritten.valid())
            line(R"(,"overwritten":"{}")", record.overwritten.to_string());
        line("}}\n");
    }

    void flush() {
        std::fwrite(buffer_.data(), 1, buffer_.size(), stdout);
        std::fflush(stdout);
        buffer_.clear();
    }

private:
    template <class... Arguments>
    void line(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
        fmt::format_to(std::back_inserter(buffer_), format, std::forward<Arguments>(arguments)...);
        if (buffer_.size() >= output_bytes) flush();
    }

    pgwal::PgMajor major_;
    WalDumpOptions::Format format_;
    fmt::memory_buffer buffer_;
};

// Why the dump ends where it does.
struct DumpEnd {
    const char* reason;  // a word for programs
    std::string text;    // a clause for people
    bool wanted = true;  // not before what was asked for
};

class Dump {
public:
    Dump(const WalDumpOptions& options, const WalFiles& files, WalFileSource& source, Lsn start)
        : options_(options),
          source_(source),
          decoder_({.major = files.major(),
                    .segment_size = files.segment_size(),
                    .start = start,
                    .start_at = pgwal::WalStart::first_record,
                    .system_id = files.system_id()}),
          size_(files.segment_size()),
          printer_(files.major(), options.format),
          printed_end_(options.start.value_or(start)) {}

    DumpEnd run() {
        printer_.heading();
        Bytes buffer(read_bytes);
        for (;;) {
            decoder_.pass_unused();
            const auto got = must(source_.read(decoder_.position(), buffer));
            if (got == 0) return missing();
            auto end = take(ByteView(buffer).first(got));
            if (end) return *std::move(end);
        }
    }

    void print(const DumpEnd& end) {
        printer_.flush();
        const bool asked = std::string_view(end.reason) == "asked";
        const auto at = (asked ? printed_end_ : decoder_.records_end()).to_string();
        if (options_.format == WalDumpOptions::Format::json) {
            boost::json::object line{{"end_of_wal", at},
                                     {"reason", end.reason},
                                     {"detail", end.text},
                                     {"records", records_},
                                     {"timeline", decoder_.timeline()},
                                     {"system_id", std::to_string(decoder_.system_id())}};
            if (last_.valid()) line["last_record"] = last_.to_string();
            if (decoder_.open_record().valid())
                line["open_record"] = decoder_.open_record().to_string();
            fmt::print("{}\n", boost::json::serialize(line));
            return;
        }
        fmt::print("{} records. {} at {}: {}\n",
                   records_,
                   asked ? "Stopped" : "End of WAL",
                   at,
                   printable(end.text, 1024));
    }

private:
    // nullopt: go on.
    std::optional<DumpEnd> take(ByteView input) {
        for (;;) {
            switch (decoder_.next(input)) {
            case WalStep::record:
                if (auto end = take_record(decoder_.record())) return end;
                break;
            case WalStep::need_more: return std::nullopt;
            case WalStep::end_of_wal:
                return DumpEnd{"zeros", "nothing was written there yet", reached()};
            case WalStep::failed:
                return DumpEnd{"damage", decoder_.error().reason + damage_hint(), reached()};
            }
        }
    }

    std::optional<DumpEnd> take_record(const WalRecord& record) {
        if (options_.end && record.start >= *options_.end)
            return DumpEnd{"asked", "this is what --end asked for"};
        if (record.start < options_.start.value_or(Lsn())) return std::nullopt;
        printer_.record(record);
        last_ = record.start;
        printed_end_ = record.next;
        ++records_;
        if (options_.limit && records_ >= *options_.limit)
            return DumpEnd{"asked", "this is what --limit asked for"};
        return std::nullopt;
    }

    DumpEnd missing() const {
        const auto at = decoder_.position();
        const auto* segment = source_.select(size_.segment_of(at));
        if (segment == nullptr) {
            return {"missing",
                    fmt::format("there is no file for the segment that begins at {}",
                                size_.start_of(size_.segment_of(at)).to_string()),
                    reached()};
        }
        return {"missing",
                fmt::format(
                    "the file {} ends at {}", segment->path.filename().string(), at.to_string()),
                reached()};
    }

    bool reached() const { return !options_.end || decoder_.records_end() >= *options_.end; }

    std::string damage_hint() const {
        return "; at the end of the newest WAL that is the rest of an old segment, elsewhere it is "
               "damage";
    }

    const WalDumpOptions& options_;
    WalFileSource& source_;
    WalDecoder decoder_;
    pgwal::SegmentSize size_;
    RecordPrinter printer_;
    Lsn printed_end_;
    Lsn last_;
    std::uint64_t records_ = 0;
};

// The page that holds --start, or the first segment there is.
Lsn first_page(const WalDumpOptions& options, const WalFiles& files, const WalFileSource& source) {
    const auto size = files.segment_size();
    if (options.start) {
        const Lsn page(options.start->value() - pgwal::page_offset(*options.start));
        if (source.select(size.segment_of(page)) == nullptr)
            throw StartupError(fmt::format("no file has the WAL at {}: see --start and --timeline",
                                           options.start->to_string()));
        return page;
    }
    std::optional<std::uint64_t> first;
    for (const auto timeline : files.timelines())
        for (const auto& segment : files.segments_of(timeline))
            if (source.select(segment.name.segment) != nullptr)
                first = std::min(first.value_or(segment.name.segment), segment.name.segment);
    return size.start_of(first.value_or(0));
}

}  // namespace

int run(const WalDumpOptions& options) {
    const auto files = open_files(options.paths);
    const auto timeline = choose_timeline(files, options.timeline);
    auto source = must(WalFileSource::load(files, timeline, WalFileSource::Ancestors::read));
    Dump dump(options, files, source, first_page(options, files, source));
    const auto end = dump.run();
    dump.print(end);
    return end.wanted ? exit_status::ok : exit_status::damaged;
}

}  // namespace sluice::ctl
