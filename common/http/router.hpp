#pragma once

#include "common/http/message.hpp"
#include "common/net/asio.hpp"

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::http {

// A handler takes its request by value and may await. It must not throw; if it does, the server
// answers 500 and logs the text.
using Handler = std::function<net::Awaitable<Response>(Request)>;

// Method and path pattern to handler. A pattern segment {name} matches one non-empty segment,
// {name*} as the last one matches the rest, which is not empty. The first route added wins. A route
// for GET also serves HEAD.
class Router {
public:
    void add(std::string method, std::string pattern, Handler handler);

    struct Match {
        const Handler* handler =
            nullptr;          // null: not found, or method not allowed when `allow` is set
        std::string pattern;  // the route's pattern: a bounded metric label
        std::map<std::string, std::string> parameters;
        std::string allow;  // methods of the path, for 405
    };
    // `path` as on the wire: its segments are decoded one by one, so %2F does not end a segment.
    Match match(std::string_view method, std::string_view path) const;

private:
    struct Route {
        std::string method;
        std::string pattern;
        std::vector<std::string> segments;
        Handler handler;
    };
    std::vector<Route> routes_;
};

}  // namespace sluice::http
