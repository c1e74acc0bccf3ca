#include "common/base/startup_error.hpp"
#include "common/crypto/random_bytes.hpp"
#include "ctl/commands.hpp"
#include "ctl/usage_error.hpp"

#include <fmt/format.h>

#include <sys/stat.h>

#include <cstdio>
#include <exception>
#include <type_traits>

using namespace sluice;

namespace {

int run_command_line(const ctl::CommandLine& command_line) {
    return std::visit(
        [](const auto& options) {
            if constexpr (std::is_same_v<decltype(options), const ctl::Finished&>) {
                fmt::print(options.status == 0 ? stdout : stderr, "{}", options.text);
                return options.status;
            } else {
                crypto::initialise();
                return ctl::run(options);
            }
        },
        command_line);
}

}  // namespace

int main(int argc, char** argv) {
    // Whatever is made here is for its owner only, unless its mode is set.
    ::umask(077);
    try {
        const int status = run_command_line(ctl::parse_command_line({argv + 1, argv + argc}));
        // A list that is cut must not look complete, on a full disk for one.
        if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
            throw StartupError("the output could not be written completely");
        return status;
    } catch (const std::exception& problem) {
        std::fflush(stdout);
        fmt::print(stderr, "error: {}\n", problem.what());
        const bool usage = dynamic_cast<const ctl::UsageError*>(&problem) != nullptr;
        return usage ? ctl::exit_status::usage : ctl::exit_status::failed;
    }
}
