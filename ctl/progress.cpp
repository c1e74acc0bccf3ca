#include "ctl/progress.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace sluice::ctl {

Progress::Progress()
    : terminal_(::isatty(STDOUT_FILENO) == 1),
      colour_(terminal_ && std::getenv("NO_COLOR") == nullptr) {}

void Progress::begin(const std::string& step) {
    if (!terminal_) return;
    fmt::print("    {} ...", step);
    std::fflush(stdout);
}

void Progress::done(const std::string& step, const std::string& detail) {
    if (!terminal_) {
        fmt::print("{}: {}\n", step, detail);
    } else {
        const auto mark = colour_ ? "\033[32m✓\033[0m" : "✓";
        fmt::print("\r\033[K  {} {:<22} {}\n", mark, step, detail);
    }
    std::fflush(stdout);
}

void Progress::failed(const std::string& step) {
    if (!terminal_) return;
    const auto mark = colour_ ? "\033[31m✗\033[0m" : "✗";
    fmt::print("\r\033[K  {} {}\n", mark, step);
    std::fflush(stdout);
}

}  // namespace sluice::ctl
