#include "common/http/message.hpp"

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

using Fields = std::map<std::string, std::string>;

Request with_header(std::string name, std::string value) {
    Request request;
    request.headers.emplace_back(std::move(name), std::move(value));
    return request;
}

TEST(Request, FindsHeadersInAnyCase) {
    const Request request = with_header("Content-Type", "text/plain");
    EXPECT_EQ(request.header("content-type"), "text/plain");
    EXPECT_FALSE(request.header("Accept"));
}

TEST(Request, FindsCookies) {
    const Request request = with_header("Cookie", "a=1; session=ab=cd ;b=");
    EXPECT_EQ(request.cookie("a"), "1");
    EXPECT_EQ(request.cookie("session"), "ab=cd");
    EXPECT_EQ(request.cookie("b"), "");
    EXPECT_FALSE(request.cookie("c"));
    EXPECT_FALSE(request.cookie("sess"));
    EXPECT_FALSE(Request().cookie("a"));
}

TEST(Request, ReadsFormFields) {
    Request request;
    request.body = "email=a%40b&text=two+words%2B&empty=&alone&=x&email=second";
    EXPECT_EQ(request.form(),
              (Fields{{"email", "a@b"}, {"text", "two words+"}, {"empty", ""}, {"alone", ""}}));
    EXPECT_TRUE(parse_form("").empty());
}

TEST(Response, KnowsItsContentType) {
    EXPECT_EQ(Response::text(200, "x").header("content-type"), "text/plain; charset=utf-8");
    EXPECT_EQ(Response::html(200, "x").header("content-type"), "text/html; charset=utf-8");
    EXPECT_EQ(Response::json(201, "{}").header("content-type"), "application/json");
    EXPECT_EQ(Response::json(201, "{}").status, 201);
}

TEST(Response, RedirectsAfterAPost) {
    const Response response = Response::see_other("/s/1");
    EXPECT_EQ(response.status, 303);
    EXPECT_EQ(response.header("Location"), "/s/1");
    EXPECT_EQ(Response::no_content().status, 204);
}

TEST(PercentCoding, EncodesEverythingButUnreservedCharacters) {
    EXPECT_EQ(percent_encode("aZ09-._~"), "aZ09-._~");
    EXPECT_EQ(percent_encode("a b/@\xC3\xBC"), "a%20b%2F%40%C3%BC");
}

TEST(PercentCoding, DecodesWhatItEncoded) {
    const std::string text("any\0thing%+ \xFF", 14);
    EXPECT_EQ(percent_decode(percent_encode(text)), text);
    EXPECT_EQ(percent_decode("%c3%BC"), "\xC3\xBC");
}

TEST(PercentCoding, LeavesMalformedSequences) {
    EXPECT_EQ(percent_decode("100%"), "100%");
    EXPECT_EQ(percent_decode("%4"), "%4");
    EXPECT_EQ(percent_decode("%zz%41"), "%zzA");
}

}  // namespace
}  // namespace sluice::http
