#include "common/http/json.hpp"

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

boost::json::value parsed(std::string_view text) {
    auto value = parse_json(text);
    EXPECT_TRUE(value) << text;
    return value ? *std::move(value) : boost::json::value();
}

TEST(ParseJson, ReadsOneDocument) {
    EXPECT_EQ(parsed(R"({"a":[1,2]})").at("a").as_array().size(), 2U);
    EXPECT_EQ(parsed(" 12 \n").as_int64(), 12);
}

TEST(ParseJson, SaysWhereItFails) {
    const auto value = parse_json(R"({"a": nope})");
    ASSERT_FALSE(value);
    EXPECT_EQ(value.error().kind, ErrorKind::client);
    EXPECT_NE(value.error().message().find("invalid JSON at byte "), std::string::npos);
}

TEST(ParseJson, RefusesWhatIsNotOneWholeDocument) {
    for (const char* text : {"", "{", "{} {}", "{\"a\":1,}", "'a'", "\"\xFF\"", "[1", "{}x"}) {
        SCOPED_TRACE(text);
        EXPECT_FALSE(parse_json(text));
    }
}

TEST(ParseJson, BoundsTheDepth) {
    EXPECT_TRUE(parse_json(std::string(32, '[') + std::string(32, ']')));
    EXPECT_FALSE(parse_json(std::string(33, '[') + std::string(33, ']')));
    EXPECT_FALSE(parse_json(std::string(1'000'000, '[')));
}

TEST(JsonReader, ReadsFields) {
    const auto value = parsed(R"({"name":"x","count":3,"on":true,"none":null})");
    JsonReader reader(value);
    EXPECT_EQ(reader.required_text("name"), "x");
    EXPECT_EQ(reader.required_integer("count", 0, 5), 3);
    EXPECT_TRUE(reader.boolean("on", false));
    EXPECT_EQ(reader.text("none", "default"), "default");
    EXPECT_FALSE(reader.optional_text("absent"));
    EXPECT_EQ(reader.integer("absent", 7, 0, 9), 7);
    EXPECT_NE(reader.member("none"), nullptr);
    EXPECT_TRUE(reader.result());
}

TEST(JsonReader, TheFirstProblemSticks) {
    const auto value = parsed(R"({"count":"3"})");
    JsonReader reader(value, "requested");
    reader.required_text("role");
    reader.integer("count", 0, 0, 9);
    ASSERT_FALSE(reader.result());
    EXPECT_EQ(reader.result().error().detail, "requested.role: required");
    EXPECT_EQ(reader.result().error().kind, ErrorKind::client);
}

TEST(JsonReader, NamesEachProblem) {
    const auto problem_of = [](const char* text, auto read) {
        const auto value = parsed(text);
        JsonReader reader(value);
        read(reader);
        return reader.result() ? std::string("none") : reader.result().error().detail;
    };
    const auto text = [](JsonReader& reader) { reader.required_text("a"); };
    const auto number = [](JsonReader& reader) { reader.required_integer("a", 1, 9); };
    const auto flag = [](JsonReader& reader) { reader.boolean("a", false); };
    EXPECT_EQ(problem_of(R"({"a":1})", text), "a: expected text");
    EXPECT_EQ(problem_of(R"({"a":""})", text), "a: must not be empty");
    EXPECT_EQ(problem_of(R"({"a":null})", text), "a: required");
    EXPECT_EQ(problem_of(R"({})", number), "a: required");
    EXPECT_EQ(problem_of(R"({"a":10})", number), "a: expected a whole number from 1 to 9");
    EXPECT_EQ(problem_of(R"({"a":1.5})", number), "a: expected a whole number from 1 to 9");
    EXPECT_EQ(problem_of(R"({"a":18446744073709551615})", number),
              "a: expected a whole number from 1 to 9");
    EXPECT_EQ(problem_of(R"({"a":"true"})", flag), "a: expected true or false");
}

TEST(JsonReader, OnlyObjectsHaveFields) {
    const auto value = parsed("[]");
    JsonReader reader(value, "client");
    EXPECT_EQ(reader.text("a", "x"), "x");
    EXPECT_EQ(reader.result().error().detail, "client: expected a JSON object");
}

}  // namespace
}  // namespace sluice::http
