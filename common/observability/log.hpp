#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

namespace sluice::log {

enum class Level { trace, debug, info, warn, error };

// The value of a field, already as text. Text from outside needs no care: sinks escape it.
class Value {
public:
    Value(std::string_view text) : text_(text) {}
    Value(const std::string& text) : text_(text) {}
    Value(const char* text) : text_(text) {}
    Value(bool value) : text_(value ? "true" : "false"), bare_(true) {}
    Value(int value) : Value(static_cast<long long>(value)) {}
    Value(long value) : Value(static_cast<long long>(value)) {}
    Value(long long value) : text_(std::to_string(value)), bare_(true) {}
    Value(unsigned value) : Value(static_cast<unsigned long long>(value)) {}
    Value(unsigned long value) : Value(static_cast<unsigned long long>(value)) {}
    Value(unsigned long long value) : text_(std::to_string(value)), bare_(true) {}
    Value(double value) : text_(std::to_string(value)), bare_(true) {}

    const std::string& text() const { return text_; }
    // A number or boolean: JSON writes it without quotes.
    bool bare() const { return bare_; }

private:
    std::string text_;
    bool bare_ = false;
};

struct Field {
    std::string_view key;
    Value value;
};
using Fields = std::initializer_list<Field>;

// Where lines go and how they look. `format` is auto, text or json; auto is text when standard
// error is a terminal. `service` stands on every JSON line. Throws StartupError for an unknown
// word. May be called again (SIGHUP) to change the level.
void configure(std::string_view service, std::string_view level, std::string_view format);

// A logger with context: fields that stand on every line it writes (the connection id, say).
// Cheap to copy. A line is a fixed sentence plus fields; nothing is formatted into the sentence,
// so it can be searched for. Any thread.
class Log {
public:
    Log() = default;
    // This context plus one field.
    Log with(std::string_view key, const Value& value) const;

    void debug(std::string_view sentence, Fields fields = {}) const {
        write(Level::debug, sentence, fields);
    }
    void info(std::string_view sentence, Fields fields = {}) const {
        write(Level::info, sentence, fields);
    }
    void warn(std::string_view sentence, Fields fields = {}) const {
        write(Level::warn, sentence, fields);
    }
    void error(std::string_view sentence, Fields fields = {}) const {
        write(Level::error, sentence, fields);
    }
    void write(Level level, std::string_view sentence, Fields fields) const;

private:
    struct Context;
    std::shared_ptr<const Context> context_;
};

bool enabled(Level level);

// Lines written while it lives are kept instead of printed; for tests. The configured level still
// applies. Of nested ones the innermost receives.
class Capture {
public:
    Capture();
    ~Capture();
    Capture(const Capture&) = delete;
    Capture& operator=(const Capture&) = delete;
    // Everything so far, one line a message: "LEVEL sentence key=value ...".
    std::string text() const;

private:
    std::unique_ptr<std::string> text_;
};

}  // namespace sluice::log
