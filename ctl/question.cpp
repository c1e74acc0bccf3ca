#include "ctl/question.hpp"

#include "ctl/usage_error.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <cstdio>
#include <iostream>

namespace sluice::ctl {

void require_yes(const std::string& question) {
    if (::isatty(STDIN_FILENO) != 1) {
        throw UsageError(question + " Without a terminal that needs --yes; nothing was done");
    }
    fmt::print("{} Type yes: ", question);
    std::fflush(stdout);
    std::string answer;
    std::getline(std::cin, answer);
    if (answer != "yes") throw StartupError("nothing was done");
}

}  // namespace sluice::ctl
