#include "ctl/command_words.hpp"

#include "common/base/spelling.hpp"
#include "common/base/text.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <set>

namespace sluice::ctl {

namespace {

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
    return app.get_subcommands([](const CLI::App*) { return true; });
}

// Whether the argument behind this one is its value.
bool takes_next(const CLI::App& app, const std::string& argument) {
    if (argument.find('=') != std::string::npos) return false;
    const auto* option = app.get_option_no_throw(argument);
    return option != nullptr && option->get_items_expected_max() > 0;
}

std::string unknown_text(const std::string& word, const std::vector<const CLI::App*>& commands) {
    std::set<std::string> names;
    for (const auto* command : commands) names.insert(command->get_name());
    const auto meant = closest_word(word, names);
    const std::string hint = meant.empty() ? "" : " (did you mean '" + meant + "'?)";
    return "unknown command '" + printable(word, 64) + "'" + hint;
}

}  // namespace

std::optional<std::string> unknown_command(const CLI::App& app,
                                           const std::vector<std::string>& arguments) {
    const CLI::App* current = &app;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const auto commands = commands_of(*current);
        if (commands.empty() || arguments[i] == "--") return std::nullopt;
        if (arguments[i].starts_with("-")) {
            // CLI11 would miss the command first.
            const auto name = arguments[i].substr(0, arguments[i].find('='));
            if (current == &app && app.get_option_no_throw(name) == nullptr) {
                return "unknown option '" + printable(name, 64) + "'";
            }
            if (takes_next(*current, arguments[i])) ++i;
            continue;
        }
        const auto next =
            std::find_if(commands.begin(), commands.end(), [&](const CLI::App* command) {
                return command->get_name() == arguments[i];
            });
        if (next == commands.end()) return unknown_text(arguments[i], commands);
        current = *next;
    }
    return std::nullopt;
}

std::vector<std::string> without_help_command(std::vector<std::string> arguments) {
    if (arguments.empty() || arguments.front() != "help") return arguments;
    arguments.erase(arguments.begin());
    arguments.emplace_back("--help");
    return arguments;
}

}  // namespace sluice::ctl
