#include "common/observability/log.hpp"

#include "common/base/startup_error.hpp"
#include "common/base/text.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <time.h>

#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <utility>
#include <vector>

namespace sluice::log {

struct Log::Context {
    std::vector<std::pair<std::string, Value>> fields;
};

namespace {

constexpr std::size_t value_bytes_max = 2048;

using ContextFields = std::vector<std::pair<std::string, Value>>;

struct Line {
    Level level;
    std::string_view sentence;
    const ContextFields& context;
    Fields fields;
};

// What configure() decides, and who receives the lines. One for the process: a log that had to be
// passed to the last helper would not be written.
struct Output {
    std::mutex mutex;
    std::string service = "sluice";
    bool json = false;
    std::vector<std::string*> captures;  // the last one receives; the texts belong to Capture
    spdlog::logger logger{"sluice", std::make_shared<spdlog::sinks::stderr_sink_mt>()};

    Output() {
        logger.set_pattern("%v");
        logger.set_level(spdlog::level::trace);
    }
};

// Never destroyed: threads may log while the process ends.
Output& output() {
    static Output* const instance = new Output;
    return *instance;
}

std::atomic<Level> least_level{Level::info};

constexpr std::array<std::string_view, 5> level_words = {"trace", "debug", "info", "warn", "error"};
constexpr std::array<std::string_view, 5> level_capitals = {
    "TRACE", "DEBUG", "INFO", "WARN", "ERROR"};

Level parse_level(std::string_view word) {
    for (std::size_t i = 0; i < level_words.size(); ++i) {
        if (level_words[i] == word) return static_cast<Level>(i);
    }
    throw StartupError("log level '" + printable(word) +
                       "': expected trace, debug, info, warn or error");
}

bool parse_format(std::string_view word) {
    if (word == "json") return true;
    if (word == "text") return false;
    if (word == "auto") return ::isatty(STDERR_FILENO) == 0;
    throw StartupError("log format '" + printable(word) + "': expected auto, text or json");
}

// "2026-11-22 20:15:03.123" in local time, or "2026-11-22T20:15:03.123Z".
std::string timestamp(bool json) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
    const std::time_t seconds = milliseconds / 1000;
    std::tm parts{};
    if (json) {
        ::gmtime_r(&seconds, &parts);
    } else {
        ::localtime_r(&seconds, &parts);
    }
    std::array<char, 80> text{};
    std::snprintf(text.data(),
                  text.size(),
                  "%04d-%02d-%02d%c%02d:%02d:%02d.%03d%s",
                  parts.tm_year + 1900,
                  parts.tm_mon + 1,
                  parts.tm_mday,
                  json ? 'T' : ' ',
                  parts.tm_hour,
                  parts.tm_min,
                  parts.tm_sec,
                  static_cast<int>(milliseconds % 1000),
                  json ? "Z" : "");
    return text.data();
}

// Before printable(), so that nobody can imitate its escapes or take the quotes' backslash away.
std::string with_doubled_backslashes(std::string_view text) {
    std::string doubled;
    doubled.reserve(text.size());
    for (const char c : text) {
        if (c == '\\') doubled += '\\';
        doubled += c;
    }
    return doubled;
}

void append_text_value(std::string& to, const Value& value) {
    const std::string safe = printable(with_doubled_backslashes(value.text()), value_bytes_max);
    if (!safe.empty() && safe.find_first_of(" =\"") == std::string::npos) {
        to += safe;
        return;
    }
    to += '"';
    for (const char c : safe) {
        if (c == '"') to += '\\';
        to += c;
    }
    to += '"';
}

void append_text_field(std::string& to, std::string_view key, const Value& value) {
    if (!to.empty() && to.back() != ' ') to += ' ';
    to += key;
    to += '=';
    append_text_value(to, value);
}

// "session 42: sentence  key=value key2="quoted value"", without time and level.
std::string text_line(const Line& line) {
    std::string text;
    for (const auto& [key, value] : line.context) {
        if (!text.empty()) text += ", ";
        text += key + " ";
        append_text_value(text, value);
    }
    if (!text.empty()) text += ": ";
    text += line.sentence;
    if (line.fields.size() > 0) text += "  ";
    for (const Field& field : line.fields) append_text_field(text, field.key, field.value);
    return text;
}

// "sentence key=value ...", context first.
std::string captured_line(const Line& line) {
    std::string text(level_capitals[static_cast<std::size_t>(line.level)]);
    text += ' ';
    text += line.sentence;
    for (const auto& [key, value] : line.context) append_text_field(text, key, value);
    for (const Field& field : line.fields) append_text_field(text, field.key, field.value);
    return text + "\n";
}

// Control characters and direction marks are escaped even where JSON would allow them: such lines
// are read on terminals too.
bool needs_unicode_escape(unsigned code_point) {
    return code_point < 0x20 || (code_point >= 0x7F && code_point < 0xA0) || code_point == 0x200E ||
           code_point == 0x200F || (code_point >= 0x2028 && code_point <= 0x202E) ||
           (code_point >= 0x2066 && code_point <= 0x2069);
}

// The character at the front of well-formed UTF-8 and its length in bytes.
std::pair<unsigned, std::size_t> decode_front(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    if (byte(0) < 0x80) return {byte(0), 1};
    if (byte(0) < 0xE0) return {(byte(0) & 0x1FU) << 6U | (byte(1) & 0x3FU), 2};
    if (byte(0) < 0xF0) {
        return {(byte(0) & 0x0FU) << 12U | (byte(1) & 0x3FU) << 6U | (byte(2) & 0x3FU), 3};
    }
    return {0x10000, 4};  // beyond everything that is escaped
}

void append_json_string(std::string& to, std::string_view text) {
    std::string replaced;
    if (text.size() > value_bytes_max || !is_utf8(text)) {
        replaced = printable(text, value_bytes_max);
        text = replaced;
    }
    to += '"';
    while (!text.empty()) {
        const auto [code_point, length] = decode_front(text);
        if (code_point == '\n') {
            to += "\\n";
        } else if (needs_unicode_escape(code_point)) {
            std::array<char, 8> escape{};
            std::snprintf(escape.data(), escape.size(), "\\u%04x", code_point);
            to += escape.data();
        } else {
            if (code_point == '"' || code_point == '\\') to += '\\';
            to += text.substr(0, length);
        }
        text.remove_prefix(length);
    }
    to += '"';
}

// JSON knows no "inf" and no "nan".
bool is_json_literal(std::string_view text) {
    if (text == "true" || text == "false") return true;
    return text.find_first_not_of("-.0123456789") == std::string_view::npos;
}

void append_json_field(std::string& to, std::string_view key, const Value& value) {
    to += ',';
    append_json_string(to, key);
    to += ':';
    if (value.bare() && is_json_literal(value.text())) {
        to += value.text();
    } else {
        append_json_string(to, value.text());
    }
}

std::string json_line(const Line& line, const std::string& service) {
    std::string text = "{\"time\":\"" + timestamp(true) + "\",\"level\":\"";
    text += level_words[static_cast<std::size_t>(line.level)];
    text += '"';
    append_json_field(text, "service", service);
    append_json_field(text, "message", line.sentence);
    for (const auto& [key, value] : line.context) append_json_field(text, key, value);
    for (const Field& field : line.fields) append_json_field(text, field.key, field.value);
    return text + "}";
}

std::string stamped_text_line(const Line& line) {
    std::string capitals(level_capitals[static_cast<std::size_t>(line.level)]);
    capitals.resize(5, ' ');
    return timestamp(false) + " " + capitals + " " + text_line(line);
}

// True when a Capture took the line.
bool offer_to_capture(const Line& line) {
    Output& out = output();
    const std::lock_guard lock(out.mutex);
    if (out.captures.empty()) return false;
    *out.captures.back() += captured_line(line);
    return true;
}

void print(const Line& line) {
    Output& out = output();
    bool json = false;
    std::string service;
    {
        const std::lock_guard lock(out.mutex);
        json = out.json;
        if (json) service = out.service;
    }
    const std::string text = json ? json_line(line, service) : stamped_text_line(line);
    out.logger.log(spdlog::level::info, spdlog::string_view_t(text.data(), text.size()));
}

}  // namespace

void configure(std::string_view service, std::string_view level, std::string_view format) {
    const Level parsed_level = parse_level(level);
    const bool json = parse_format(format);
    Output& out = output();
    const std::lock_guard lock(out.mutex);
    out.service = service;
    out.json = json;
    least_level.store(parsed_level, std::memory_order_relaxed);
}

bool enabled(Level level) { return level >= least_level.load(std::memory_order_relaxed); }

Log Log::with(std::string_view key, const Value& value) const {
    auto context = std::make_shared<Context>();
    if (context_) context->fields = context_->fields;
    context->fields.emplace_back(std::string(key), value);
    Log extended;
    extended.context_ = std::move(context);
    return extended;
}

void Log::write(Level level, std::string_view sentence, Fields fields) const {
    if (!enabled(level)) return;
    static const ContextFields no_context;
    const Line line{level, sentence, context_ ? context_->fields : no_context, fields};
    if (!offer_to_capture(line)) print(line);
}

Capture::Capture() : text_(std::make_unique<std::string>()) {
    Output& out = output();
    const std::lock_guard lock(out.mutex);
    out.captures.push_back(text_.get());
}

Capture::~Capture() {
    Output& out = output();
    const std::lock_guard lock(out.mutex);
    std::erase(out.captures, text_.get());
}

std::string Capture::text() const {
    const std::lock_guard lock(output().mutex);
    return *text_;
}

}  // namespace sluice::log
