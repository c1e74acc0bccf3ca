#include "common/http/client.hpp"

#include "tests/unit/http/socket_support.hpp"

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

ClientOptions options_for(const std::string& url) {
    ClientOptions options;
    options.base_url = url;
    return options;
}

Request get(std::string target) {
    Request request;
    request.target = std::move(target);
    return request;
}

// What the client makes of an answer on the wire.
Result<Response> answer_of(std::string wire, Request request = {}) {
    const CannedServer server(std::move(wire));
    return send_and_wait(options_for(server.url()), std::move(request));
}

TEST(Client, SendsOneRequestAndReadsTheResponse) {
    CannedServer server("HTTP/1.1 201 Created\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello");
    Request request;
    request.method = "POST";
    request.target = "/v1/users?x=1";
    request.headers.emplace_back("Authorization", "Bearer t");
    request.body = "{}";
    const auto response = send_and_wait(options_for(server.url() + "/base/"), request);
    ASSERT_TRUE(response) << response.error().message();
    EXPECT_EQ(response->status, 201);
    EXPECT_EQ(response->body, "hello");
    EXPECT_EQ(response->header("x-a"), "b");
    EXPECT_TRUE(
        server.received().starts_with("POST /base/v1/users?x=1 HTTP/1.1\r\nHost: 127.0.0.1:"));
    EXPECT_NE(server.received().find("\r\nAuthorization: Bearer t\r\n"), std::string::npos);
    EXPECT_NE(server.received().find("\r\nContent-Length: 2\r\n"), std::string::npos);
}

TEST(Client, AnyStatusIsAnAnswer) {
    const auto response = answer_of("HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy");
    ASSERT_TRUE(response) << response.error().message();
    EXPECT_EQ(response->status, 503);
    EXPECT_EQ(response->body, "busy");
}

TEST(Client, ReadsEveryFraming) {
    EXPECT_EQ(
        answer_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
            ->body,
        "abc");
    EXPECT_EQ(answer_of("HTTP/1.1 200 OK\r\n\r\nuntil the end")->body, "until the end");
    EXPECT_EQ(answer_of("HTTP/1.1 204 No Content\r\n\r\n")->status, 204);
    EXPECT_EQ(
        answer_of("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")
            ->body,
        "x");
}

TEST(Client, AHeadResponseHasNoBody) {
    Request request;
    request.method = "HEAD";
    const auto response = answer_of("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", request);
    ASSERT_TRUE(response) << response.error().message();
    EXPECT_EQ(response->body, "");
    EXPECT_EQ(response->header("Content-Length"), "100");
}

TEST(Client, BrokenAnswersAreErrors) {
    for (const char* wire : {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
                             "",
                             "nonsense\r\n\r\n",
                             "HTTP/1.1 200 OK\r\nContent-Le",
                             "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n"}) {
        SCOPED_TRACE(wire);
        const auto response = answer_of(wire);
        ASSERT_FALSE(response);
        EXPECT_EQ(response.error().kind, ErrorKind::control_plane);
    }
}

TEST(Client, ErrorsNameTheUrlWithoutItsQuery) {
    std::string url;
    {
        const CannedServer gone("x");
        url = gone.url();
    }
    const auto response = send_and_wait(options_for(url), get("/v1/x?token=secret"));
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().kind, ErrorKind::control_plane);
    EXPECT_TRUE(response.error().message().starts_with("GET " + url + "/v1/x: "))
        << response.error().message();
    EXPECT_EQ(response.error().message().find("secret"), std::string::npos);
    EXPECT_NE(response.error().message().find("refused"), std::string::npos)
        << response.error().message();
}

TEST(Client, GivesUpAtTheTimeout) {
    const CannedServer silent("");
    ClientOptions options = options_for(silent.url());
    options.timeout = std::chrono::milliseconds(50);
    const auto response = send_and_wait(options, get("/"));
    ASSERT_FALSE(response);
    EXPECT_TRUE(is_timeout(response.error().code)) << response.error().message();
}

TEST(Client, RefusesWhatIsNoUrl) {
    for (const char* url : {"",
                            "127.0.0.1:80",
                            "ftp://x",
                            "http://",
                            "http://user:pw@x",
                            "http://x:99999",
                            "http://x/?a"}) {
        SCOPED_TRACE(url);
        const auto response = send_and_wait(options_for(url), get("/"));
        ASSERT_FALSE(response);
        EXPECT_NE(response.error().message().find("is not an http or https URL"),
                  std::string::npos);
    }
}

TEST(Client, RefusesTextThatWouldBecomeAnotherHeader) {
    Request target = get("/ HTTP/1.1\r\nX: y");
    Request value = get("/");
    value.headers.emplace_back("X-A", "b\r\nX: y");
    Request method = get("/");
    method.method = "GET /";
    for (const Request& request : {target, value, method}) {
        SCOPED_TRACE(request.target);
        const auto response = send_and_wait(options_for("http://127.0.0.1:1"), request);
        ASSERT_FALSE(response);
        EXPECT_NE(response.error().message().find("not valid in HTTP"), std::string::npos);
    }
}

}  // namespace
}  // namespace sluice::http
