#pragma once

#include "common/base/result.hpp"

#include <boost/json/value.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::http {

// Parses one JSON document (depth at most 32); errors have kind client and say where.
Result<boost::json::value> parse_json(std::string_view text);

// Reads the fields of a JSON object; the first problem sticks ("requested.role: required").
class JsonReader {
public:
    explicit JsonReader(const boost::json::value& value, std::string path = "");
    // Neither absent, null nor empty.
    std::string required_text(std::string_view key);
    std::string text(std::string_view key, std::string default_value);
    std::optional<std::string> optional_text(std::string_view key);
    std::int64_t required_integer(std::string_view key, std::int64_t least, std::int64_t most);
    std::int64_t integer(std::string_view key,
                         std::int64_t default_value,
                         std::int64_t least,
                         std::int64_t most);
    bool boolean(std::string_view key, bool default_value);
    // The member, or null.
    const boost::json::value* member(std::string_view key) const;
    // ok(), or the first problem; kind client.
    Result<void> result() const;

private:
    void fail(std::string_view key, std::string_view problem);
    const boost::json::object* object_ = nullptr;
    std::string path_;
    std::string problem_;
};

}  // namespace sluice::http
