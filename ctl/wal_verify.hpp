#pragma once

#include "ctl/wal_files.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::ctl {

// What keeps a server from recovering with a timeline's WAL. The first one counts: nothing behind it
// can be reached.
struct WalProblem {
    enum class Kind {
        gap,      // segments are missing
        damage,   // bytes are not what was written
        history,  // timelines do not fit together
    };
    Kind kind{};
    Lsn lsn;
    std::string text;
};

std::string_view to_string(WalProblem::Kind kind);

struct TimelineReport {
    std::uint32_t timeline = 0;
    std::size_t segments = 0;
    // The last one of them is unfinished.
    bool partial = false;
    Lsn begin;  // start of the first segment
    Lsn end;    // after the last good record
    std::uint64_t records = 0;
    // Why the WAL ends there, for people.
    std::string end_reason;
    // Files behind the end that hold no WAL yet: made ahead by the server.
    std::size_t segments_ahead = 0;
    std::optional<WalProblem> problem;
};

struct VerifySettings {
    // A segment that is not ".partial" must be used to its end.
    bool archive = false;
    // How many segments of a timeline were read.
    std::function<void(std::uint32_t timeline, std::size_t read, std::size_t of)> progress;
};

// Reads the files of one timeline from its first segment on.
//   errors: those of the disk; what is wrong with the WAL is in the report
Result<TimelineReport> verify_timeline(const WalFiles& files,
                                       std::uint32_t timeline,
                                       const VerifySettings& settings);

}  // namespace sluice::ctl
