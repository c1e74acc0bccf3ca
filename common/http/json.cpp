#include "common/http/json.hpp"

#include <boost/json/stream_parser.hpp>

namespace sluice::http {

namespace {

constexpr std::size_t depth_max = 32;

Error json_error(std::size_t position, const boost::system::error_code& code) {
    return Error(ErrorKind::client, "invalid JSON at byte " + std::to_string(position), code);
}

// The integer without loss; nullopt for fractions and other types.
std::optional<std::int64_t> as_integer(const boost::json::value& value) {
    boost::system::error_code failed;
    const auto number = value.to_number<std::int64_t>(failed);
    if (failed) return std::nullopt;
    return number;
}

}  // namespace

Result<boost::json::value> parse_json(std::string_view text) {
    boost::json::parse_options options;
    options.max_depth = depth_max;
    boost::json::stream_parser parser(boost::json::storage_ptr(), options);
    boost::system::error_code failed;
    const std::size_t consumed = parser.write_some(text.data(), text.size(), failed);
    if (failed) return json_error(consumed, failed);
    const std::size_t extra = text.find_first_not_of(" \t\r\n", consumed);
    if (extra != std::string_view::npos) return json_error(extra, boost::json::error::extra_data);
    parser.finish(failed);
    if (failed) return json_error(text.size(), failed);
    return parser.release();
}

JsonReader::JsonReader(const boost::json::value& value, std::string path)
    : object_(value.if_object()), path_(std::move(path)) {
    if (object_ == nullptr) {
        problem_ = path_.empty() ? "expected a JSON object" : path_ + ": expected a JSON object";
    }
}

const boost::json::value* JsonReader::member(std::string_view key) const {
    return object_ == nullptr ? nullptr : object_->if_contains(key);
}

std::optional<std::string> JsonReader::optional_text(std::string_view key) {
    const boost::json::value* value = member(key);
    if (value == nullptr || value->is_null()) return std::nullopt;
    const boost::json::string* text = value->if_string();
    if (text == nullptr) {
        fail(key, "expected text");
        return std::nullopt;
    }
    return std::string(text->data(), text->size());
}

std::string JsonReader::text(std::string_view key, std::string default_value) {
    auto value = optional_text(key);
    return value ? *std::move(value) : std::move(default_value);
}

std::string JsonReader::required_text(std::string_view key) {
    auto value = optional_text(key);
    if (!value) fail(key, "required");
    if (value && value->empty()) fail(key, "must not be empty");
    return value ? *std::move(value) : std::string();
}

std::int64_t JsonReader::required_integer(std::string_view key,
                                          std::int64_t least,
                                          std::int64_t most) {
    const boost::json::value* value = member(key);
    if (value == nullptr || value->is_null()) fail(key, "required");
    return integer(key, least, least, most);
}

std::int64_t JsonReader::integer(std::string_view key,
                                 std::int64_t default_value,
                                 std::int64_t least,
                                 std::int64_t most) {
    const boost::json::value* value = member(key);
    if (value == nullptr || value->is_null()) return default_value;
    const auto number = as_integer(*value);
    if (number && *number >= least && *number <= most) return *number;
    fail(key,
         "expected a whole number from " + std::to_string(least) + " to " + std::to_string(most));
    return default_value;
}

bool JsonReader::boolean(std::string_view key, bool default_value) {
    const boost::json::value* value = member(key);
    if (value == nullptr || value->is_null()) return default_value;
    if (const bool* flag = value->if_bool()) return *flag;
    fail(key, "expected true or false");
    return default_value;
}

Result<void> JsonReader::result() const {
    if (problem_.empty()) return {};
    return Error(ErrorKind::client, problem_);
}

void JsonReader::fail(std::string_view key, std::string_view problem) {
    if (!problem_.empty()) return;
    problem_ = path_.empty() ? std::string(key) : path_ + "." + std::string(key);
    problem_ += ": ";
    problem_ += problem;
}

}  // namespace sluice::http
