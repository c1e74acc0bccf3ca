#include "auth/core/template.hpp"

#include "common/base/assert.hpp"

#include <algorithm>

namespace sluice::auth {

namespace {

Error wrong(std::string text) { return Error(ErrorKind::internal, std::move(text)); }

}  // namespace

std::string html_escaped(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        switch (c) {
        case '&': out += "&amp;"; break;
        case '<': out += "&lt;"; break;
        case '>': out += "&gt;"; break;
        case '"': out += "&quot;"; break;
        case '\'': out += "&#39;"; break;
        default: out += c;
        }
    }
    return out;
}

bool TemplateValue::empty() const {
    if (const auto* string = text()) return string->empty();
    return list()->empty();
}

struct TemplateSet::Node {
    enum class Kind { literal, value, section, inverted, partial } kind = Kind::literal;
    std::string text;  // the literal, or the name
    std::vector<Node> children;
};

class TemplateSet::Parser {
public:
    explicit Parser(std::string_view source) : rest_(source) {}

    Result<std::vector<Node>> run() {
        auto nodes = parse_until("");
        return nodes;
    }

private:
    // Up to the end tag of `section`, or to the end of the text when it is empty.
    Result<std::vector<Node>> parse_until(const std::string& section) {
        std::vector<Node> nodes;
        for (;;) {
            const std::size_t begin = rest_.find("{{");
            add_literal(nodes, rest_.substr(0, begin));
            if (begin == std::string_view::npos) break;
            rest_.remove_prefix(begin + 2);
            const std::size_t end = rest_.find("}}");
            if (end == std::string_view::npos) return wrong("{{ without }}");
            const std::string_view tag = rest_.substr(0, end);
            rest_.remove_prefix(end + 2);
            if (tag.empty()) return wrong("empty tag");
            if (tag.front() == '/') {
                if (section.empty() || tag.substr(1) != section) {
                    return wrong("unexpected {{" + std::string(tag) + "}}");
                }
                return nodes;
            }
            auto node = parse_tag(tag);
            if (!node) return std::move(node).error();
            nodes.push_back(std::move(*node));
        }
        if (!section.empty()) return wrong("section " + section + " has no end");
        return nodes;
    }

    Result<Node> parse_tag(std::string_view tag) {
        Node node;
        switch (tag.front()) {
        case '#': node.kind = Node::Kind::section; break;
        case '^': node.kind = Node::Kind::inverted; break;
        case '>': node.kind = Node::Kind::partial; break;
        default: node.kind = Node::Kind::value;
        }
        if (node.kind != Node::Kind::value) tag.remove_prefix(1);
        node.text = std::string(tag);
        if (!is_name(node.text)) return wrong("bad name in {{" + node.text + "}}");
        if (node.kind == Node::Kind::section || node.kind == Node::Kind::inverted) {
            auto children = parse_until(node.text);
            if (!children) return std::move(children).error();
            node.children = std::move(*children);
        }
        return node;
    }

    static bool is_name(std::string_view text) {
        return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
        });
    }

    static void add_literal(std::vector<Node>& nodes, std::string_view text) {
        if (text.empty()) return;
        Node node;
        node.text = std::string(text);
        nodes.push_back(std::move(node));
    }

    std::string_view rest_;
};

class TemplateSet::Renderer {
public:
    Renderer(const TemplateSet& set, const TemplateMap& values) : set_(set) {
        scopes_.push_back(&values);
    }

    void render(const std::vector<Node>& nodes) {
        for (const Node& node : nodes) render(node);
    }

    std::string take() { return std::move(out_); }

private:
    const TemplateValue* find(std::string_view name) const {
        for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
            const auto found = (*scope)->find(name);
            if (found != (*scope)->end()) return &found->second;
        }
        return nullptr;
    }

    void render(const Node& node) {
        const TemplateValue* value = find(node.text);
        const bool empty = value == nullptr || value->empty();
        switch (node.kind) {
        case Node::Kind::literal: out_ += node.text; break;
        case Node::Kind::value:
            if (!empty && value->text() != nullptr) out_ += html_escaped(*value->text());
            break;
        case Node::Kind::section:
            if (!empty) render_section(node, *value);
            break;
        case Node::Kind::inverted:
            if (empty) render(node.children);
            break;
        case Node::Kind::partial: render(set_.templates_.find(node.text)->second); break;
        }
    }

    void render_section(const Node& node, const TemplateValue& value) {
        if (value.list() == nullptr) {
            render(node.children);
            return;
        }
        for (const TemplateMap& map : *value.list()) {
            scopes_.push_back(&map);
            render(node.children);
            scopes_.pop_back();
        }
    }

    const TemplateSet& set_;
    std::vector<const TemplateMap*> scopes_;
    std::string out_;
};

TemplateSet::TemplateSet() = default;
TemplateSet::~TemplateSet() = default;
TemplateSet::TemplateSet(TemplateSet&&) noexcept = default;
TemplateSet& TemplateSet::operator=(TemplateSet&&) noexcept = default;

Result<void> TemplateSet::add(std::string name, std::string_view source) {
    auto nodes = Parser(source).run();
    if (!nodes) return std::move(nodes).error().with("template " + name);
    templates_.insert_or_assign(std::move(name), std::move(*nodes));
    return {};
}

Result<void> TemplateSet::check() const {
    // Depth-first over the partials; `path` are the templates that are being expanded.
    struct Walk {
        const TemplateSet& set;
        std::vector<std::string> path;

        Result<void> visit_template(const std::string& name) {
            if (std::find(path.begin(), path.end(), name) != path.end()) {
                return wrong("template " + name + " includes itself");
            }
            const auto found = set.templates_.find(name);
            if (found == set.templates_.end()) return wrong("template " + name + " is missing");
            path.push_back(name);
            auto result = visit_nodes(found->second);
            path.pop_back();
            return result;
        }

        Result<void> visit_nodes(const std::vector<Node>& nodes) {
            for (const Node& node : nodes) {
                auto result = node.kind == Node::Kind::partial ? visit_template(node.text)
                                                               : visit_nodes(node.children);
                if (!result) return result;
            }
            return {};
        }
    };
    Walk walk{*this, {}};
    for (const auto& [name, nodes] : templates_) {
        if (auto result = walk.visit_template(name); !result) return result;
    }
    return {};
}

std::string TemplateSet::render(std::string_view name, const TemplateMap& values) const {
    const auto found = templates_.find(name);
    SLUICE_ASSERT(found != templates_.end());
    Renderer renderer(*this, values);
    renderer.render(found->second);
    return renderer.take();
}

}  // namespace sluice::auth
