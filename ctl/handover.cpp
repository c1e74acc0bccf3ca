// Commands that become another program.

#include "common/base/startup_error.hpp"
#include "ctl/cluster_folder.hpp"
#include "ctl/commands.hpp"
#include "ctl/log_line.hpp"
#include "ctl/parts.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace sluice::ctl {

namespace {

[[noreturn]] void become(std::vector<std::string> arguments) {
    std::vector<char*> pointers;
    for (auto& argument : arguments) pointers.push_back(argument.data());
    pointers.push_back(nullptr);
    ::execvp(pointers.front(), pointers.data());
    throw StartupError(fmt::format("cannot run {}: {}", arguments.front(), std::strerror(errno)));
}

// Shows what `tail` prints, each line made readable. Ends with it, or with Ctrl-C.
int show_readable(const std::vector<std::string>& tail) {
    std::array<int, 2> output{};
    if (::pipe2(output.data(), O_CLOEXEC) != 0) {
        throw StartupError(fmt::format("pipe: {}", std::strerror(errno)));
    }
    const pid_t child = ::fork();
    if (child < 0) throw StartupError(fmt::format("fork: {}", std::strerror(errno)));
    if (child == 0) {
        ::dup2(output[1], STDOUT_FILENO);
        become(tail);
    }
    ::close(output[1]);
    std::FILE* lines = ::fdopen(output[0], "r");
    char* line = nullptr;
    std::size_t size = 0;
    for (ssize_t length = 0; (length = ::getline(&line, &size, lines)) > 0;) {
        std::string_view text(line, static_cast<std::size_t>(length));
        if (text.ends_with('\n')) text.remove_suffix(1);
        fmt::print("{}\n", readable_log_line(text));
        std::fflush(stdout);
    }
    std::free(line);
    std::fclose(lines);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : exit_status::failed;
}

void set(const char* name, const std::string& value) { ::setenv(name, value.c_str(), 1); }

// `options` of the connection: the target, behind what the caller's environment asks for.
std::string with_target(const std::string& target) {
    const char* variable = std::getenv("PGOPTIONS");
    const std::string given = variable == nullptr ? "" : variable;
    const bool names_one = (" " + given).find(" target=") != std::string::npos;
    return names_one ? given : given + (given.empty() ? "" : " ") + "target=" + target;
}

}  // namespace

int run(const LogsOptions& options) {
    const auto cluster = Cluster::open(options.dir);
    std::vector<std::string> arguments{"tail", "-n", std::to_string(options.lines)};
    if (options.follow) arguments.push_back("-F");
    for (const auto part : part_names) {
        const auto log = cluster.paths.log(std::string(part));
        const bool wanted = options.part.empty() || options.part == part;
        if (wanted && std::filesystem::exists(log)) arguments.push_back(log.string());
    }
    if (arguments.back() == "-F" || arguments.size() == 3)
        throw StartupError("nothing was logged yet");
    if (!options.json && ::isatty(STDOUT_FILENO) == 1) return show_readable(arguments);
    become(std::move(arguments));
}

int run(const PsqlOptions& options) {
    const auto cluster = Cluster::open(options.dir);
    const auto addresses = read_addresses(cluster.paths, cluster.file);
    // In the environment, so that arguments of the caller come before them.
    for (const char* name : {"PGHOSTADDR", "PGSERVICE"}) ::unsetenv(name);
    set("PGHOST", "localhost");
    set("PGPORT", std::to_string(addresses.proxy.port));
    set("PGUSER", "app");
    set("PGDATABASE", "app");
    if (addresses.proxy_uses_links) set("PGOPTIONS", with_target(options.target));
    set("PGSSLMODE", "verify-full");
    set("PGSSLROOTCERT", cluster.paths.ca_certificate().string());

    const auto packaged = cluster.file.postgres_bin / "psql";
    std::vector<std::string> arguments{std::filesystem::exists(packaged) ? packaged.string()
                                                                         : "psql"};
    arguments.insert(arguments.end(), options.arguments.begin(), options.arguments.end());
    become(std::move(arguments));
}

}  // namespace sluice::ctl
