#include "common/http/router.hpp"

#include "common/base/assert.hpp"

namespace sluice::http {

namespace {

using Parameters = std::map<std::string, std::string>;

std::vector<std::string> split(std::string_view path) {
    std::vector<std::string> segments;
    std::size_t begin = 1;  // behind the leading slash
    for (;;) {
        const std::size_t end = path.find('/', begin);
        if (begin <= path.size()) segments.emplace_back(path.substr(begin, end - begin));
        if (end == std::string_view::npos) return segments;
        begin = end + 1;
    }
}

bool is_parameter(std::string_view segment) {
    return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

bool takes_rest(std::string_view segment) {
    return is_parameter(segment) && segment[segment.size() - 2] == '*';
}

std::string join_from(const std::vector<std::string>& segments, std::size_t first) {
    std::string rest;
    for (std::size_t i = first; i < segments.size(); ++i) {
        if (i > first) rest += '/';
        rest += segments[i];
    }
    return rest;
}

// The parameters when the path fits the pattern. Both are split; the path is decoded.
std::optional<Parameters> match_segments(const std::vector<std::string>& pattern,
                                         const std::vector<std::string>& path) {
    Parameters parameters;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        const std::string& expected = pattern[i];
        if (i >= path.size()) return std::nullopt;
        if (takes_rest(expected)) {
            std::string rest = join_from(path, i);
            if (rest.empty()) return std::nullopt;
            parameters[expected.substr(1, expected.size() - 3)] = std::move(rest);
            return parameters;
        }
        if (is_parameter(expected)) {
            if (path[i].empty()) return std::nullopt;
            parameters[expected.substr(1, expected.size() - 2)] = path[i];
        } else if (expected != path[i]) {
            return std::nullopt;
        }
    }
    if (path.size() != pattern.size()) return std::nullopt;
    return parameters;
}

bool serves(const std::string& route_method, std::string_view method) {
    return route_method == method || (method == "HEAD" && route_method == "GET");
}

void append_method(std::string& allow, const std::string& method) {
    if (!allow.empty()) allow += ", ";
    allow += method;
    if (method == "GET") allow += ", HEAD";
}

}  // namespace

void Router::add(std::string method, std::string pattern, Handler handler) {
    SLUICE_ASSERT(pattern.starts_with('/'));
    std::vector<std::string> segments = split(pattern);
    routes_.push_back(
        {std::move(method), std::move(pattern), std::move(segments), std::move(handler)});
}

Router::Match Router::match(std::string_view method, std::string_view path) const {
    Match result;
    if (!path.starts_with('/')) return result;
    std::vector<std::string> segments = split(path);
    for (std::string& segment : segments) segment = percent_decode(segment);
    for (const Route& route : routes_) {
        auto parameters = match_segments(route.segments, segments);
        if (!parameters) continue;
        if (serves(route.method, method)) {
            return Match{&route.handler, route.pattern, std::move(*parameters), ""};
        }
        if (result.pattern.empty()) result.pattern = route.pattern;
        append_method(result.allow, route.method);
    }
    return result;
}

}  // namespace sluice::http
