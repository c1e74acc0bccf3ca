#include "tests/support/test_pgwal/commands.hpp"

#include <CLI/CLI.hpp>

#include <exception>
#include <iostream>
#include <map>

namespace {

using Command = sluice::Result<void> (*)(const sluice::test_pgwal::Arguments&);

const std::map<std::string, Command> commands{
    {"control", sluice::test_pgwal::print_control},
    {"edit-control", sluice::test_pgwal::edit_control},
    {"messages", sluice::test_pgwal::write_messages},
    {"checkpoint", sluice::test_pgwal::write_checkpoint},
    {"online-checkpoint", sluice::test_pgwal::write_online_checkpoint},
    {"new-wal", sluice::test_pgwal::write_new_wal},
    {"history", sluice::test_pgwal::print_history},
    {"history-of", sluice::test_pgwal::print_history_entries},
    {"timestamps", sluice::test_pgwal::print_timestamps},
};

}  // namespace

int main(int argc, char** argv) {
    CLI::App app(
        "common/pgwal from the command line, for tests with real servers.\n"
        "The commands: tests/support/test_pgwal/commands.hpp.");
    std::string name;
    sluice::test_pgwal::Arguments arguments;
    app.add_option("command", name, "What to do")->required();
    app.add_option("arguments", arguments, "Of the command");
    CLI11_PARSE(app, argc, argv);
    try {
        const auto done = commands.at(name)(arguments);
        if (done) return 0;
        std::cerr << done.error().message() << std::endl;
    } catch (const std::exception& error) {
        std::cerr << error.what() << std::endl;
    }
    return 1;
}
