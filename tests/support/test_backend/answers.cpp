#include "tests/support/test_backend/answers.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <map>

namespace sluice::test_backend {

namespace {

constexpr std::uint32_t int4_oid = 23;

std::string_view trim(std::string_view text) {
    constexpr std::string_view around = " \t\r\n;";
    const auto first = text.find_first_not_of(around);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(around) - first + 1);
}

std::string lower(std::string_view text) {
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(), [](unsigned char character) {
        return static_cast<char>(std::tolower(character));
    });
    return result;
}

pg::Column text_column(std::string name) {
    pg::Column column;
    column.name = std::move(name);
    return column;
}

pg::Column int4_column(std::string name) {
    pg::Column column;
    column.name = std::move(name);
    column.type_oid = int4_oid;
    column.type_length = 4;
    return column;
}

// Statements whose whole answer is a tag.
const std::map<std::string, std::string, std::less<>> tags = {
    {"begin", "BEGIN"},
    {"commit", "COMMIT"},
    {"rollback", "ROLLBACK"},
    {"set", "SET"},
};

// What pg_receivewal asks for before it begins; the mode decides about its files.
const std::map<std::string, std::string, std::less<>> settings = {
    {"data_directory_mode", "0700"},
    {"wal_segment_size", "16MB"},
};

Answer show(const Command& command) {
    const std::string name = lower(command.argument);
    const auto setting = settings.find(name);
    Answer answer;
    answer.columns = {text_column(name)};
    answer.rows = {{setting == settings.end() ? "" : setting->second}};
    answer.tag = "SHOW";
    return answer;
}

Answer identify_system() {
    Answer answer;
    answer.columns = {text_column("systemid"),
                      int4_column("timeline"),
                      text_column("xlogpos"),
                      text_column("dbname")};
    answer.rows = {{"7300000000000000001", "1", "0/1000000", std::nullopt}};
    answer.tag = "IDENTIFY_SYSTEM";
    return answer;
}

}  // namespace

Command parse_command(std::string_view query) {
    const std::string_view text = trim(query);
    const std::string_view name = text.substr(0, text.find_first_of(" \t\r\n"));
    return {lower(name), std::string(trim(text.substr(name.size())))};
}

std::uint64_t to_number(std::string_view text) {
    std::uint64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

Answer one_value(std::string value) {
    Answer answer;
    answer.columns = {text_column("data")};
    answer.rows = {{std::move(value)}};
    answer.tag = "SELECT 1";
    return answer;
}

Answer answer(const Command& command) {
    if (const auto tag = tags.find(command.name); tag != tags.end()) return {{}, {}, tag->second};
    if (command.name == "show") return show(command);
    if (command.name == "identify_system") return identify_system();
    if (command.name == "echo") return one_value(command.argument);
    return one_value("ok");
}

}  // namespace sluice::test_backend
