#include "auth/core/template.hpp"

#include <gtest/gtest.h>

namespace sluice::auth {
namespace {

std::string render(std::string_view source, const TemplateMap& values) {
    TemplateSet set;
    EXPECT_TRUE(set.add("page", source));
    EXPECT_TRUE(set.check());
    return set.render("page", values);
}

TEST(Template, EscapesEveryValue) {
    EXPECT_EQ(render("<p title=\"{{x}}\">{{x}}</p>", {{"x", "<a href='\"&"}}),
              "<p title=\"&lt;a href=&#39;&quot;&amp;\">&lt;a href=&#39;&quot;&amp;</p>");
}

TEST(Template, ValuesAreNotTemplates) {
    EXPECT_EQ(render("{{x}}", {{"x", "{{y}}"}, {"y", "secret"}}), "{{y}}");
}

TEST(Template, ShowsSectionsForValuesThatAreNotEmpty) {
    const std::string_view source = "{{#a}}yes{{/a}}{{^a}}no{{/a}}";
    EXPECT_EQ(render(source, {{"a", "1"}}), "yes");
    EXPECT_EQ(render(source, {{"a", ""}}), "no");
    EXPECT_EQ(render(source, {}), "no");
    EXPECT_EQ(render(source, {{"a", TemplateList()}}), "no");
}

TEST(Template, RepeatsSectionsOfListsAndLooksOutwards) {
    TemplateList rows;
    rows.push_back({{"n", "1"}});
    rows.push_back({{"n", "2"}, {"unit", "s"}});
    EXPECT_EQ(render("{{#rows}}{{n}}{{unit}} {{/rows}}", {{"rows", rows}, {"unit", "m"}}),
              "1m 2s ");
}

TEST(Template, NestsSectionsOfTheSameName) {
    EXPECT_EQ(render("{{#a}}[{{#a}}x{{/a}}]{{/a}}", {{"a", "1"}}), "[x]");
}

TEST(Template, IncludesPartials) {
    TemplateSet set;
    ASSERT_TRUE(set.add("page", "a {{>part}} b"));
    EXPECT_FALSE(set.check());
    ASSERT_TRUE(set.add("part", "({{x}})"));
    ASSERT_TRUE(set.check());
    EXPECT_EQ(set.render("page", {{"x", "<"}}), "a (&lt;) b");
}

TEST(Template, RefusesAPartialThatIncludesItself) {
    TemplateSet set;
    ASSERT_TRUE(set.add("a", "{{>b}}"));
    ASSERT_TRUE(set.add("b", "{{#x}}{{>a}}{{/x}}"));
    EXPECT_FALSE(set.check());
}

TEST(Template, RefusesWhatIsNotWellFormed) {
    for (const char* source : {"{{",
                               "{{x",
                               "{{}}",
                               "{{#x}}",
                               "{{#x}}{{/y}}",
                               "{{/x}}",
                               "{{ x }}",
                               "{{{x}}}",
                               "{{#x}}{{#y}}{{/x}}{{/y}}"}) {
        TemplateSet set;
        EXPECT_FALSE(set.add("page", source)) << source;
    }
}

}  // namespace
}  // namespace sluice::auth
