// sluicectl wal verify: what the command shows.

#include "common/base/startup_error.hpp"
#include "common/base/text.hpp"
#include "ctl/commands.hpp"
#include "ctl/must.hpp"
#include "ctl/table.hpp"
#include "ctl/wal_verify.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

namespace sluice::ctl {

namespace {

// Where it stands, on standard error: on a terminal in one line that changes, elsewhere a line now
// and then.
class VerifyProgress {
public:
    ~VerifyProgress() { clear(); }

    void show(std::uint32_t timeline, std::size_t read, std::size_t of) {
        const auto now = std::chrono::steady_clock::now();
        if (now - shown_ < (terminal_ ? std::chrono::milliseconds(200) : std::chrono::seconds(30)))
            return;
        shown_ = now;
        fmt::print(stderr,
                   "{}timeline {}: segment {} of {}{}",
                   terminal_ ? "\r\033[K" : "",
                   timeline,
                   read,
                   of,
                   terminal_ ? "" : "\n");
        std::fflush(stderr);
        line_is_open_ = terminal_;
    }

    void clear() {
        if (line_is_open_) fmt::print(stderr, "\r\033[K");
        line_is_open_ = false;
    }

private:
    bool terminal_ = ::isatty(STDERR_FILENO) == 1;
    bool line_is_open_ = false;
    std::chrono::steady_clock::time_point shown_ = std::chrono::steady_clock::now();
};

boost::json::object to_json(const TimelineReport& report) {
    boost::json::object json{{"timeline", report.timeline},
                             {"segments", report.segments},
                             {"partial", report.partial},
                             {"segments_ahead", report.segments_ahead},
                             {"begin", report.begin.to_string()},
                             {"end", report.end.to_string()},
                             {"end_reason", report.end_reason},
                             {"records", report.records}};
    if (report.problem)
        json["problem"] = boost::json::object{{"kind", to_string(report.problem->kind)},
                                              {"lsn", report.problem->lsn.to_string()},
                                              {"text", report.problem->text}};
    return json;
}

void print_json(const WalFiles& files, const std::vector<TimelineReport>& reports, bool sound) {
    boost::json::array timelines;
    for (const auto& report : reports) timelines.push_back(to_json(report));
    const boost::json::object answer{{"sound", sound},
                                     {"version", pgwal::number_of(files.major())},
                                     {"segment_bytes", files.segment_size().bytes()},
                                     {"system_id", std::to_string(files.system_id())},
                                     {"timelines", std::move(timelines)}};
    fmt::print("{}\n", boost::json::serialize(answer));
}

std::string segments_text(const TimelineReport& report) {
    auto text = fmt::format("{}", report.segments);
    if (report.partial) text += " (last .partial)";
    if (report.segments_ahead > 0) text += fmt::format(" ({} made ahead)", report.segments_ahead);
    return text;
}

void print_text(const WalFiles& files, const std::vector<TimelineReport>& reports) {
    fmt::print("PostgreSQL {}, segments of {} MiB, system {}\n",
               pgwal::number_of(files.major()),
               files.segment_size().bytes() >> 20U,
               files.system_id());
    std::vector<std::vector<std::string>> rows{
        {"TIMELINE", "SEGMENTS", "RECORDS", "BEGIN", "END", "STATE"}};
    for (const auto& report : reports) {
        rows.push_back({fmt::format("{}", report.timeline),
                        segments_text(report),
                        fmt::format("{}", report.records),
                        report.begin.to_string(),
                        report.end.to_string(),
                        report.problem ? std::string(to_string(report.problem->kind)) : "sound"});
    }
    fmt::print("{}", format_table(rows));
    for (const auto& report : reports) {
        const auto& text = report.problem ? report.problem->text : report.end_reason;
        fmt::print(
            "timeline {}: {} {}: {}\n",
            report.timeline,
            report.problem ? std::string(to_string(report.problem->kind)) + " at" : "ends at",
            (report.problem ? report.problem->lsn : report.end).to_string(),
            printable(text, 1024));
    }
}

std::vector<std::uint32_t> timelines_of(const WalVerifyOptions& options, const WalFiles& files) {
    auto timelines = files.timelines();
    if (!options.timeline) return timelines;
    if (std::find(timelines.begin(), timelines.end(), *options.timeline) == timelines.end())
        throw StartupError(fmt::format("there is no segment of timeline {}, only of {}",
                                       *options.timeline,
                                       fmt::join(timelines, ", ")));
    return {*options.timeline};
}

}  // namespace

int run(const WalVerifyOptions& options) {
    const auto files = must(WalFiles::load_folder(options.folder));
    std::vector<TimelineReport> reports;
    {
        VerifyProgress progress;
        VerifySettings settings;
        settings.archive = options.archive;
        settings.progress = [&progress](std::uint32_t timeline, std::size_t read, std::size_t of) {
            progress.show(timeline, read, of);
        };
        for (const auto timeline : timelines_of(options, files))
            reports.push_back(must(verify_timeline(files, timeline, settings)));
    }
    const bool sound = std::none_of(reports.begin(), reports.end(), [](const auto& report) {
        return report.problem.has_value();
    });
    if (options.json) {
        print_json(files, reports, sound);
    } else {
        print_text(files, reports);
    }
    return sound ? exit_status::ok : exit_status::damaged;
}

}  // namespace sluice::ctl
