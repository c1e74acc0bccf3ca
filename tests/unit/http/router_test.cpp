#include "common/http/router.hpp"

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

using Parameters = std::map<std::string, std::string>;

net::Awaitable<Response> respond() { co_return Response::no_content(); }

Handler handler() {
    return [](Request) { return respond(); };
}

Router router_with(std::initializer_list<std::pair<const char*, const char*>> routes) {
    Router router;
    for (const auto& [method, pattern] : routes) router.add(method, pattern, handler());
    return router;
}

TEST(Router, MatchesLiteralPaths) {
    const Router router = router_with({{"GET", "/"}, {"GET", "/v1/users"}});
    EXPECT_EQ(router.match("GET", "/").pattern, "/");
    EXPECT_EQ(router.match("GET", "/v1/users").pattern, "/v1/users");
    EXPECT_EQ(router.match("GET", "/v1/users/").handler, nullptr);
    EXPECT_EQ(router.match("GET", "/v1").handler, nullptr);
    EXPECT_EQ(router.match("GET", "").handler, nullptr);
}

TEST(Router, ParametersTakeOneDecodedSegment) {
    const Router router = router_with({{"GET", "/users/{email}/roles/{role}"}});
    const auto match = router.match("GET", "/users/a%40b%2Fc/roles/app");
    ASSERT_NE(match.handler, nullptr);
    EXPECT_EQ(match.parameters, (Parameters{{"email", "a@b/c"}, {"role", "app"}}));
    EXPECT_EQ(router.match("GET", "/users//roles/app").handler, nullptr);
    EXPECT_EQ(router.match("GET", "/users/a/b/roles/app").handler, nullptr);
}

TEST(Router, AStarTakesTheRest) {
    const Router router = router_with({{"GET", "/static/{file*}"}});
    EXPECT_EQ(router.match("GET", "/static/js/link.js").parameters,
              (Parameters{{"file", "js/link.js"}}));
    EXPECT_EQ(router.match("GET", "/static/").handler, nullptr);
    EXPECT_EQ(router.match("GET", "/static").handler, nullptr);
}

TEST(Router, TheFirstRouteWins) {
    const Router router = router_with({{"GET", "/users/me"}, {"GET", "/users/{email}"}});
    EXPECT_EQ(router.match("GET", "/users/me").pattern, "/users/me");
    EXPECT_EQ(router.match("GET", "/users/you").pattern, "/users/{email}");
}

TEST(Router, AnotherMethodNamesTheAllowedOnes) {
    const Router router = router_with({{"GET", "/x"}, {"POST", "/x"}, {"DELETE", "/y"}});
    const auto match = router.match("PUT", "/x");
    EXPECT_EQ(match.handler, nullptr);
    EXPECT_EQ(match.allow, "GET, HEAD, POST");
    EXPECT_EQ(match.pattern, "/x");
    EXPECT_EQ(router.match("PUT", "/none").allow, "");
}

TEST(Router, HeadIsServedByGet) {
    const Router router = router_with({{"GET", "/x"}, {"POST", "/y"}});
    EXPECT_NE(router.match("HEAD", "/x").handler, nullptr);
    EXPECT_EQ(router.match("HEAD", "/y").handler, nullptr);
}

}  // namespace
}  // namespace sluice::http
