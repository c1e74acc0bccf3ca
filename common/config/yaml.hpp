#pragma once

#include "common/base/result.hpp"
#include "common/base/startup_error.hpp"

#include <chrono>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::config {

// A wrong configuration: the text is "file:line: key.path: what is wrong".
class ConfigError : public StartupError {
public:
    using StartupError::StartupError;
};

// One mapping of a YAML file, read strictly: every getter marks its key as known, and finish()
// refuses the keys that nobody asked for, naming the closest known one.
// All getters throw ConfigError for a wrong type or value. A default is returned when the key is
// absent. Sections share the parsed document; copying one is cheap.
class Section {
public:
    // Throws ConfigError when the file is missing, unreadable or not a YAML mapping.
    static Section load(const std::filesystem::path& file);
    // For tests: `name` stands for the file in errors. Relative paths stay relative.
    static Section parse(std::string_view yaml, const std::string& name);

    std::string text(const std::string& key, std::string default_value);
    std::string required_text(const std::string& key);
    bool boolean(const std::string& key, bool default_value);
    std::int64_t integer(const std::string& key,
                         std::int64_t default_value,
                         std::int64_t least,
                         std::int64_t most);
    // "15s", "2m" (common/base/units.hpp); `least` guards against a zero that would disable.
    std::chrono::milliseconds duration(
        const std::string& key,
        std::chrono::milliseconds default_value,
        std::chrono::milliseconds least = std::chrono::milliseconds(0));
    // A path; a relative one is relative to the folder of the configuration file.
    std::optional<std::filesystem::path> path(const std::string& key);
    std::filesystem::path required_path(const std::string& key);
    std::vector<std::string> texts(const std::string& key);
    // One of the given words; the error lists them.
    template <class Enum>
    Enum choice(const std::string& key,
                Enum default_value,
                std::initializer_list<std::pair<std::string_view, Enum>> words) {
        std::vector<std::string_view> names;
        for (const auto& word : words) names.push_back(word.first);
        const auto index = choice_index(key, names);
        return index ? (words.begin() + *index)->second : default_value;
    }
    std::optional<Section> section(const std::string& key);
    Section required_section(const std::string& key);
    // A list of mappings; empty when absent.
    std::vector<Section> sections(const std::string& key);

    bool has(const std::string& key) const;
    // Throws when the mapping holds a key that no getter asked for. Call it once, last.
    void finish();
    // For checks that span keys: throws ConfigError at the place of `key` (or of the section).
    [[noreturn]] void fail(const std::string& key, const std::string& problem) const;
    // For files that keys name: throws ConfigError at the place of `key` when reading one failed.
    template <class T>
    void require(const std::string& key, const Result<T>& read) const {
        if (!read) fail(key, read.error().message());
    }

private:
    struct Node;
    explicit Section(std::shared_ptr<Node> node) : node_(std::move(node)) {}
    std::optional<std::size_t> choice_index(const std::string& key,
                                            const std::vector<std::string_view>& names);
    std::shared_ptr<Node> node_;
};

}  // namespace sluice::config
