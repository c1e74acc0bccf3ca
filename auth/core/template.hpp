#pragma once

#include "common/base/result.hpp"

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

// A small part of Mustache, enough for the pages (auth/web/README.md):
//   {{name}}                the value, escaped for HTML text and quoted attributes
//   {{#name}}..{{/name}}    shown when the value is not empty; repeated for each map of a list
//   {{^name}}..{{/name}}    shown when the value is absent, empty or an empty list
//   {{>name}}               another template with the same values
// A name is looked up in the innermost map first, then outwards. There is no way to write a value
// unescaped.
namespace sluice::auth {

class TemplateValue;
using TemplateMap = std::map<std::string, TemplateValue, std::less<>>;
using TemplateList = std::vector<TemplateMap>;

class TemplateValue {
public:
    TemplateValue() = default;
    TemplateValue(std::string text) : value_(std::move(text)) {}
    TemplateValue(std::string_view text) : value_(std::string(text)) {}
    TemplateValue(const char* text) : value_(std::string(text)) {}
    TemplateValue(TemplateList list) : value_(std::move(list)) {}

    const std::string* text() const { return std::get_if<std::string>(&value_); }
    const TemplateList* list() const { return std::get_if<TemplateList>(&value_); }
    bool empty() const;

private:
    std::variant<std::string, TemplateList> value_;
};

// Templates by name, parsed once. Immutable after loading; render() from any thread.
class TemplateSet {
public:
    TemplateSet();
    ~TemplateSet();
    TemplateSet(TemplateSet&&) noexcept;
    TemplateSet& operator=(TemplateSet&&) noexcept;

    // Errors name the template and the tag. A partial may be added after its user.
    Result<void> add(std::string name, std::string_view source);
    // Names a missing partial or a partial that includes itself.
    Result<void> check() const;
    // `name` must have been added.
    std::string render(std::string_view name, const TemplateMap& values) const;

private:
    struct Node;
    class Parser;
    class Renderer;
    std::map<std::string, std::vector<Node>, std::less<>> templates_;
};

// & < > " ' become entities.
std::string html_escaped(std::string_view text);

}  // namespace sluice::auth
