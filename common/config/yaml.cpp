#include "common/config/yaml.hpp"

#include "common/base/spelling.hpp"
#include "common/base/text.hpp"
#include "common/base/units.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <set>
#include <sstream>

namespace sluice::config {

namespace {

constexpr std::size_t quoted_value_max = 60;

// What all sections of one file share.
struct File {
    std::string name;              // in front of errors
    std::filesystem::path folder;  // relative paths start here; empty = left relative
};

struct Entry {
    std::string key;
    YAML::Node value;
    int line = 0;  // of the key
};

[[noreturn]] void fail_at(const File& file,
                          int line,
                          const std::string& path,
                          const std::string& problem) {
    std::string place = file.name;
    if (line > 0) place += ":" + std::to_string(line);
    if (!path.empty()) place += ": " + path;
    throw ConfigError(place + ": " + problem);
}

int line_of(const YAML::Mark& mark) { return mark.is_null() ? 0 : mark.line + 1; }

std::string in_quotes(std::string_view text) {
    return "'" + printable(text, quoted_value_max) + "'";
}

// What stands in the file, for "expected x, got y".
std::string describe(const YAML::Node& value) {
    if (value.IsMap()) return "a mapping";
    if (value.IsSequence()) return "a list";
    if (value.IsNull()) return "nothing";
    return in_quotes(value.Scalar());
}

std::string joined(const std::vector<std::string_view>& words) {
    std::string text;
    for (const std::string_view word : words) {
        if (!text.empty()) text += ", ";
        text += word;
    }
    return text;
}

std::string read_all(const std::filesystem::path& path) {
    std::error_code ignored;
    std::ifstream in(path, std::ios::binary);
    if (!in || std::filesystem::is_directory(path, ignored)) {
        throw ConfigError(path.string() + ": cannot be read");
    }
    std::ostringstream content;
    content << in.rdbuf();
    return content.str();
}

// The only document of the text.
YAML::Node parse_document(std::string_view yaml, const File& file) {
    try {
        const std::vector<YAML::Node> documents = YAML::LoadAll(std::string(yaml));
        if (documents.size() > 1) fail_at(file, 0, "", "more than one YAML document");
        return documents.empty() ? YAML::Node() : documents.front();
    } catch (const YAML::Exception& error) {
        fail_at(file, line_of(error.mark), "", "not valid YAML: " + error.msg);
    }
}

}  // namespace

struct Section::Node {
    Node(std::shared_ptr<const File> in, const YAML::Node& mapping, std::string key_path)
        : file(std::move(in)), path(std::move(key_path)), line(line_of(mapping.Mark())) {
        if (!mapping.IsMap()) {
            fail_at(*file, line, path, "expected a mapping of keys, got " + describe(mapping));
        }
        for (const auto& pair : mapping) add(pair.first, pair.second);
    }

    void add(const YAML::Node& key, const YAML::Node& value) {
        const int key_line = line_of(key.Mark());
        if (!key.IsScalar()) fail_at(*file, key_line, path, "a key must be plain text");
        if (const Entry* earlier = peek(key.Scalar())) {
            fail_at(*file,
                    key_line,
                    path_of(key.Scalar()),
                    "given twice, first in line " + std::to_string(earlier->line));
        }
        entries.push_back({key.Scalar(), value, key_line});
    }

    // The entry, or null when the key is absent.
    const Entry* peek(const std::string& key) const {
        const auto found = std::find_if(
            entries.begin(), entries.end(), [&](const Entry& entry) { return entry.key == key; });
        return found == entries.end() ? nullptr : &*found;
    }

    // The same, and the key is known from now on.
    const Entry* find(const std::string& key) {
        known.insert(key);
        return peek(key);
    }

    const Entry& require(const std::string& key) {
        const Entry* entry = find(key);
        if (entry == nullptr) fail_at(*file, line, path_of(key), "is required");
        return *entry;
    }

    std::string path_of(const std::string& key) const {
        const std::string name = printable(key, quoted_value_max);
        return path.empty() ? name : path + "." + name;
    }

    [[noreturn]] void fail_value(const Entry& entry, const std::string& problem) const {
        fail_at(*file, entry.line, path_of(entry.key), problem);
    }

    [[noreturn]] void fail_expected(const Entry& entry, const std::string& what) const {
        fail_value(entry, "expected " + what + ", got " + describe(entry.value));
    }

    const std::string& scalar(const Entry& entry, const std::string& what) const {
        if (!entry.value.IsScalar()) fail_expected(entry, what);
        return entry.value.Scalar();
    }

    std::filesystem::path path_value(const Entry& entry) const {
        const std::filesystem::path value = scalar(entry, "a path");
        if (value.empty()) fail_expected(entry, "a path");
        return value.is_relative() && !file->folder.empty()
                   ? (file->folder / value).lexically_normal()
                   : value;
    }

    std::shared_ptr<const File> file;
    std::string path;  // "listeners[0].tls"; empty for the root
    int line = 0;
    std::vector<Entry> entries;
    std::set<std::string> known;
};

Section Section::load(const std::filesystem::path& file) {
    const std::string content = read_all(file);
    std::error_code ignored;
    const std::filesystem::path folder = std::filesystem::absolute(file, ignored).parent_path();
    const auto shared = std::make_shared<const File>(File{file.string(), folder});
    return Section(std::make_shared<Node>(shared, parse_document(content, *shared), ""));
}

Section Section::parse(std::string_view yaml, const std::string& name) {
    const auto shared = std::make_shared<const File>(File{name, {}});
    return Section(std::make_shared<Node>(shared, parse_document(yaml, *shared), ""));
}

std::string Section::text(const std::string& key, std::string default_value) {
    const Entry* entry = node_->find(key);
    return entry == nullptr ? std::move(default_value) : node_->scalar(*entry, "text");
}

std::string Section::required_text(const std::string& key) {
    const Entry& entry = node_->require(key);
    if (node_->scalar(entry, "text").empty()) node_->fail_value(entry, "must not be empty");
    return entry.value.Scalar();
}

bool Section::boolean(const std::string& key, bool default_value) {
    const Entry* entry = node_->find(key);
    if (entry == nullptr) return default_value;
    const std::string word = to_lower(node_->scalar(*entry, "true or false"));
    if (word == "true" || word == "yes" || word == "on") return true;
    if (word == "false" || word == "no" || word == "off") return false;
    node_->fail_expected(*entry, "true or false");
}

std::int64_t Section::integer(const std::string& key,
                              std::int64_t default_value,
                              std::int64_t least,
                              std::int64_t most) {
    const Entry* entry = node_->find(key);
    if (entry == nullptr) return default_value;
    const std::string what =
        "a whole number from " + std::to_string(least) + " to " + std::to_string(most);
    const std::string& text = node_->scalar(*entry, what);
    std::int64_t value = 0;
    const char* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, value);
    if (parsed.ec != std::errc{} || parsed.ptr != end || value < least || value > most) {
        node_->fail_expected(*entry, what);
    }
    return value;
}

std::chrono::milliseconds Section::duration(const std::string& key,
                                            std::chrono::milliseconds default_value,
                                            std::chrono::milliseconds least) {
    const Entry* entry = node_->find(key);
    if (entry == nullptr) return default_value;
    const auto value = parse_duration(node_->scalar(*entry, "a duration such as 30s or 2m"));
    if (!value) node_->fail_expected(*entry, "a duration such as 30s or 2m");
    if (*value < least) {
        node_->fail_expected(*entry, "a duration of at least " + format_duration(least));
    }
    return *value;
}

std::optional<std::filesystem::path> Section::path(const std::string& key) {
    const Entry* entry = node_->find(key);
    if (entry == nullptr) return std::nullopt;
    return node_->path_value(*entry);
}

std::filesystem::path Section::required_path(const std::string& key) {
    return node_->path_value(node_->require(key));
}

std::vector<std::string> Section::texts(const std::string& key) {
    std::vector<std::string> values;
    const Entry* entry = node_->find(key);
    if (entry == nullptr) return values;
    if (!entry->value.IsSequence()) node_->fail_expected(*entry, "a list");
    for (const YAML::Node& item : entry->value) {
        const std::string place = node_->path_of(key) + "[" + std::to_string(values.size()) + "]";
        if (!item.IsScalar()) {
            fail_at(
                *node_->file, line_of(item.Mark()), place, "expected text, got " + describe(item));
        }
        values.push_back(item.Scalar());
    }
    return values;
}

std::optional<std::size_t> Section::choice_index(const std::string& key,
                                                 const std::vector<std::string_view>& names) {
    const Entry* entry = node_->find(key);
    if (entry == nullptr) return std::nullopt;
    const std::string what = "one of " + joined(names);
    const auto found = std::find(names.begin(), names.end(), node_->scalar(*entry, what));
    if (found == names.end()) node_->fail_expected(*entry, what);
    return static_cast<std::size_t>(found - names.begin());
}

std::optional<Section> Section::section(const std::string& key) {
    const Entry* entry = node_->find(key);
    if (entry == nullptr) return std::nullopt;
    if (!entry->value.IsMap()) node_->fail_expected(*entry, "a mapping of keys");
    return Section(std::make_shared<Node>(node_->file, entry->value, node_->path_of(key)));
}

Section Section::required_section(const std::string& key) {
    node_->require(key);
    return *section(key);
}

std::vector<Section> Section::sections(const std::string& key) {
    std::vector<Section> list;
    const Entry* entry = node_->find(key);
    if (entry == nullptr) return list;
    if (!entry->value.IsSequence()) node_->fail_expected(*entry, "a list");
    for (const YAML::Node& item : entry->value) {
        const std::string place = node_->path_of(key) + "[" + std::to_string(list.size()) + "]";
        list.push_back(Section(std::make_shared<Node>(node_->file, item, place)));
    }
    return list;
}

bool Section::has(const std::string& key) const { return node_->peek(key) != nullptr; }

void Section::finish() {
    for (const Entry& entry : node_->entries) {
        if (node_->known.contains(entry.key)) continue;
        const std::string suggestion = closest_word(entry.key, node_->known);
        const std::string hint = suggestion.empty() ? "" : " (did you mean '" + suggestion + "'?)";
        fail_at(
            *node_->file, entry.line, node_->path, "unknown key " + in_quotes(entry.key) + hint);
    }
}

void Section::fail(const std::string& key, const std::string& problem) const {
    const Entry* entry = node_->peek(key);
    const int line = entry == nullptr ? node_->line : entry->line;
    fail_at(*node_->file, line, key.empty() ? node_->path : node_->path_of(key), problem);
}

}  // namespace sluice::config
