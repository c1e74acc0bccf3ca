#include "common/config/yaml.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

#include <fstream>
#include <functional>

namespace sluice::config {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Section parse(const std::string& yaml) { return Section::parse(yaml, "proxy.yaml"); }

// The text of the ConfigError that the action throws.
std::string error_of(const std::function<void()>& action) {
    try {
        action();
    } catch (const ConfigError& error) {
        return error.what();
    }
    return "no error";
}

TEST(Section, ReadsEveryKindOfValue) {
    Section root = parse("name: main\nrequired: yes\nport: 5440\ntimeout: 1m 30s\nwords: [a, b]\n");
    EXPECT_EQ(root.required_text("name"), "main");
    EXPECT_TRUE(root.boolean("required", false));
    EXPECT_EQ(root.integer("port", 0, 1, 65'535), 5440);
    EXPECT_EQ(root.duration("timeout", seconds(1)), seconds(90));
    EXPECT_EQ(root.texts("words"), (std::vector<std::string>{"a", "b"}));
    root.finish();
}

TEST(Section, AbsentKeysGiveDefaults) {
    Section root = parse("{}");
    EXPECT_EQ(root.text("name", "main"), "main");
    EXPECT_TRUE(root.boolean("required", true));
    EXPECT_EQ(root.integer("port", 7, 1, 9), 7);
    EXPECT_EQ(root.duration("timeout", seconds(3)), seconds(3));
    EXPECT_TRUE(root.texts("words").empty());
    EXPECT_FALSE(root.path("file"));
    EXPECT_FALSE(root.section("tls"));
    EXPECT_TRUE(root.sections("listeners").empty());
    EXPECT_FALSE(root.has("name"));
    root.finish();
}

TEST(Section, ErrorsNameFileLineAndKey) {
    Section root = parse("a: 1\n\nlink:\n  url: x\n  timeout: soon\n");
    Section link = root.required_section("link");
    EXPECT_EQ(error_of([&] { link.duration("timeout", seconds(1)); }),
              "proxy.yaml:5: link.timeout: expected a duration such as 30s or 2m, got 'soon'");
    EXPECT_EQ(error_of([&] { link.integer("url", 1, 0, 10); }),
              "proxy.yaml:4: link.url: expected a whole number from 0 to 10, got 'x'");
    EXPECT_EQ(error_of([&] { root.text("link", ""); }),
              "proxy.yaml:3: link: expected text, got a mapping");
}

TEST(Section, NumbersMustBeWholeAndInRange) {
    Section root = parse("a: 11\nb: 1.5\nc: 5x\nd:\n");
    EXPECT_EQ(error_of([&] { root.integer("a", 1, 0, 10); }),
              "proxy.yaml:1: a: expected a whole number from 0 to 10, got '11'");
    EXPECT_NE(error_of([&] { root.integer("b", 1, 0, 10); }), "no error");
    EXPECT_NE(error_of([&] { root.integer("c", 1, 0, 10); }), "no error");
    EXPECT_EQ(error_of([&] { root.integer("d", 1, 0, 10); }),
              "proxy.yaml:4: d: expected a whole number from 0 to 10, got nothing");
}

TEST(Section, DurationsHaveALowerBound) {
    Section root = parse("timeout: 0s\n");
    EXPECT_EQ(root.duration("timeout", seconds(1)), milliseconds(0));
    EXPECT_EQ(error_of([&] { root.duration("timeout", seconds(5), seconds(1)); }),
              "proxy.yaml:1: timeout: expected a duration of at least 1s, got '0s'");
}

TEST(Section, RequiredKeysAreRequired) {
    Section root = parse("link:\n  url: ''\n");
    Section link = root.required_section("link");
    EXPECT_EQ(error_of([&] { link.required_text("api"); }), "proxy.yaml:2: link.api: is required");
    EXPECT_EQ(error_of([&] { link.required_text("url"); }),
              "proxy.yaml:2: link.url: must not be empty");
    EXPECT_EQ(error_of([&] { root.required_section("admin"); }),
              "proxy.yaml:1: admin: is required");
    EXPECT_EQ(error_of([&] { link.required_path("file"); }),
              "proxy.yaml:2: link.file: is required");
}

TEST(Section, ChoicesListTheirWords) {
    enum class Auth { link, forward };
    Section root = parse("auth: forward\nother: both\n");
    const auto read = [&](const std::string& key) {
        return root.choice<Auth>(
            key, Auth::link, {{"link", Auth::link}, {"forward", Auth::forward}});
    };
    EXPECT_EQ(read("auth"), Auth::forward);
    EXPECT_EQ(read("absent"), Auth::link);
    EXPECT_EQ(error_of([&] { read("other"); }),
              "proxy.yaml:2: other: expected one of link, forward, got 'both'");
}

TEST(Section, UnknownKeysAreRefusedWithAHint) {
    Section root = parse("listen: a\nlissten: b\n");
    root.text("listen", "");
    root.text("certificate", "");
    EXPECT_EQ(error_of([&] { root.finish(); }),
              "proxy.yaml:2: unknown key 'lissten' (did you mean 'listen'?)");
}

TEST(Section, UnknownKeysWithoutANearOneGetNoHint) {
    Section root = parse("tls:\n  colour: red\n");
    Section tls = root.required_section("tls");
    tls.text("certificate", "");
    EXPECT_EQ(error_of([&] { tls.finish(); }), "proxy.yaml:2: tls: unknown key 'colour'");
    root.finish();
}

TEST(Section, DuplicateKeysAreRefused) {
    EXPECT_EQ(error_of([] { parse("a: 1\nb: 2\na: 3\n"); }),
              "proxy.yaml:3: a: given twice, first in line 1");
}

TEST(Section, ListsOfMappingsHaveNumberedPaths) {
    Section root = parse("listeners:\n  - name: a\n  - name: b\n    port: x\n");
    std::vector<Section> listeners = root.sections("listeners");
    ASSERT_EQ(listeners.size(), 2U);
    EXPECT_EQ(listeners[1].required_text("name"), "b");
    EXPECT_EQ(error_of([&] { listeners[1].integer("port", 0, 0, 9); }),
              "proxy.yaml:4: listeners[1].port: expected a whole number from 0 to 9, got 'x'");
}

TEST(Section, ListsMustBeLists) {
    Section root = parse("a: x\nb: [x]\nc: [[x]]\n");
    EXPECT_EQ(error_of([&] { root.sections("a"); }), "proxy.yaml:1: a: expected a list, got 'x'");
    EXPECT_EQ(error_of([&] { root.sections("b"); }),
              "proxy.yaml:2: b[0]: expected a mapping of keys, got 'x'");
    EXPECT_EQ(error_of([&] { root.texts("c"); }), "proxy.yaml:3: c[0]: expected text, got a list");
}

TEST(Section, FailPointsAtTheKey) {
    const Section root = parse("a: 1\nb: 2\n");
    EXPECT_EQ(error_of([&] { root.fail("b", "clashes with a"); }),
              "proxy.yaml:2: b: clashes with a");
    EXPECT_EQ(error_of([&] { root.fail("", "wrong as a whole"); }),
              "proxy.yaml:1: wrong as a whole");
}

TEST(Section, BrokenYamlBecomesAConfigError) {
    const std::string text = error_of([] { parse("a: [1,\nb: }\n"); });
    EXPECT_TRUE(text.starts_with("proxy.yaml:2: not valid YAML: ")) << text;
    EXPECT_NE(error_of([] { parse("a: *nowhere\n"); }), "no error");
    EXPECT_EQ(error_of([] { parse("- a\n- b\n"); }),
              "proxy.yaml:1: expected a mapping of keys, got a list");
    EXPECT_NE(error_of([] { parse(""); }).find("expected a mapping of keys, got nothing"),
              std::string::npos);
    EXPECT_EQ(error_of([] { parse("a: 1\n---\nb: 1\n"); }),
              "proxy.yaml: more than one YAML document");
}

TEST(Section, ValuesInErrorsAreHarmlessOnATerminal) {
    Section root = parse("a: \"\\e[2J\"\n");
    EXPECT_NE(error_of([&] { root.boolean("a", true); }).find("got '\\x1b[2J'"), std::string::npos);
}

TEST(Section, PathsAreRelativeToTheFile) {
    const auto folder =
        std::filesystem::temp_directory_path() / ("sluice-config-" + std::to_string(::getpid()));
    std::filesystem::create_directory(folder);
    std::ofstream(folder / "proxy.yaml") << "a: tls/x.crt\nb: /etc/x.crt\nc: ../y\nd: ''\n";
    Section root = Section::load(folder / "proxy.yaml");
    EXPECT_EQ(root.path("a"), folder / "tls/x.crt");
    EXPECT_EQ(root.path("b"), "/etc/x.crt");
    EXPECT_EQ(root.required_path("c"), folder.parent_path() / "y");
    EXPECT_NE(error_of([&] { root.path("d"); }), "no error");
    std::filesystem::remove_all(folder);
    EXPECT_EQ(parse("a: tls/x.crt\n").path("a"), "tls/x.crt");
}

TEST(Section, UnreadableFilesAreNamed) {
    EXPECT_EQ(error_of([] { Section::load("/nonexistent/x.yaml"); }),
              "/nonexistent/x.yaml: cannot be read");
    EXPECT_EQ(error_of([] { Section::load("/tmp"); }), "/tmp: cannot be read");
}

}  // namespace
}  // namespace sluice::config
