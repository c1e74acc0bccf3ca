#include "common/http/server.hpp"

#include "common/base/startup_error.hpp"
#include "common/crypto/certificates.hpp"
#include "common/http/client.hpp"
#include "common/net/one_shot.hpp"
#include "common/observability/log.hpp"
#include "tests/unit/crypto/temporary_folder.hpp"
#include "tests/unit/http/socket_support.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <future>
#include <mutex>
#include <optional>

namespace sluice::http {
namespace {

net::Awaitable<Response> respond(Response response) { co_return response; }

net::Awaitable<Response> throw_something(Request) {
    throw std::runtime_error("handler broke");
    co_return Response();
}

std::string summary(const Request& request) {
    std::string text = request.method + " " + request.path;
    for (const auto& [name, value] : request.query) text += " ?" + name + "=" + value;
    for (const auto& [name, value] : request.parameters) text += " {" + name + "}=" + value;
    return text + " " + request.body + " from " + request.peer_address +
           (request.encrypted ? " encrypted" : "");
}

// A server on its own threads, with routes that show what arrived.
class Fixture {
public:
    explicit Fixture(Server::Options options = {}, Router extra = {}) : threads_(2) {
        options.address = {"127.0.0.1", 0};
        server_.emplace(threads_, std::move(options), with_routes(std::move(extra)));
        server_->start();
        threads_.start();
    }
    ~Fixture() { threads_.stop(); }

    Server& server() { return *server_; }
    std::uint16_t port() const { return server_->port(); }
    net::IoThreads& threads() { return threads_; }

    Result<Response> send(Request request) {
        ClientOptions options;
        options.base_url = "http://127.0.0.1:" + std::to_string(port());
        return send_and_wait(options, std::move(request));
    }
    Response get(std::string target) {
        Request request;
        request.target = std::move(target);
        auto response = send(std::move(request));
        EXPECT_TRUE(response) << response.error().message();
        return response ? *std::move(response) : Response();
    }
    // Sends the text on a fresh connection and reads until the server closes it.
    std::string raw(const std::string& text) {
        RawConnection connection(RawConnection::connect(port()));
        connection.write(text);
        return connection.read_all();
    }

private:
    static Router with_routes(Router router) {
        const auto echo = [](Request request) {
            return respond(Response::text(200, summary(request)));
        };
        router.add("GET", "/echo/{name}", echo);
        router.add("POST", "/echo/{name}", echo);
        router.add("GET", "/throw", throw_something);
        return router;
    }

    net::IoThreads threads_;
    std::optional<Server> server_;
};

// A condition that another thread makes true; false after 20 s.
bool wait_for(const std::function<bool()>& condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (std::chrono::steady_clock::now() < end) {
        if (condition()) return true;
        std::this_thread::yield();
    }
    return false;
}

std::string status_of(const std::string& raw_response) {
    return raw_response.substr(0, raw_response.find("\r\n"));
}

TEST(Server, HandsTheRequestToItsRoute) {
    Fixture fixture;
    EXPECT_EQ(fixture.get("/echo/a%20b?x=1&y=two+words").body,
              "GET /echo/a b ?x=1 ?y=two words {name}=a b  from 127.0.0.1");
    Request post;
    post.method = "POST";
    post.target = "/echo/n";
    post.body = "body";
    EXPECT_EQ(fixture.send(post)->body, "POST /echo/n {name}=n body from 127.0.0.1");
}

TEST(Server, AnswersUnknownPathsAndMethods) {
    Fixture fixture;
    EXPECT_EQ(fixture.get("/none").status, 404);
    Request request;
    request.method = "DELETE";
    request.target = "/echo/x";
    const auto response = fixture.send(request);
    ASSERT_TRUE(response);
    EXPECT_EQ(response->status, 405);
    EXPECT_EQ(response->header("Allow"), "GET, HEAD, POST");
}

TEST(Server, ErrorsAreJsonForWhoSpeaksJson) {
    Fixture fixture;
    Request request;
    request.target = "/none";
    request.headers.emplace_back("Accept", "application/json");
    EXPECT_EQ(fixture.send(request)->body,
              R"({"error":{"code":"not_found","message":"not found"}})");
    EXPECT_EQ(fixture.get("/none").body, "not found\n");
}

TEST(Server, RefusesSuspiciousTargets) {
    Fixture fixture;
    for (const char* target : {"/echo/..",
                               "/../etc/passwd",
                               "/echo/%2e%2E",
                               "/echo/%00",
                               "/echo/%zz",
                               "/echo/%ff",
                               "/echo/a%2f..%2fb",
                               "/echo/%4"}) {
        SCOPED_TRACE(target);
        EXPECT_EQ(fixture.get(target).status, 400);
    }
    EXPECT_EQ(fixture.get("/echo/a..b").status, 200);
}

TEST(Server, UnderstandsAbsoluteTargets) {
    Fixture fixture;
    const std::string text =
        fixture.raw("GET http://any/echo/x HTTP/1.1\r\nHost: any\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(status_of(text), "HTTP/1.1 200 OK");
}

TEST(Server, HeadHasLengthButNoBody) {
    Fixture fixture;
    const std::string text =
        fixture.raw("HEAD /echo/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(status_of(text), "HTTP/1.1 200 OK");
    EXPECT_NE(text.find("\r\nContent-Length: 37\r\n"), std::string::npos) << text;
    EXPECT_TRUE(text.ends_with("\r\n\r\n"));
}

TEST(Server, KeepsTheConnectionForTheNextRequest) {
    Fixture fixture;
    RawConnection connection(RawConnection::connect(fixture.port()));
    for (int i = 0; i < 3; ++i) {
        connection.write("GET /echo/x HTTP/1.1\r\nHost: h\r\n\r\n");
        EXPECT_NE(connection.read_until("from 127.0.0.1").find("200 OK"), std::string::npos);
    }
    EXPECT_EQ(fixture.server().connections(), 1U);
}

TEST(Server, AnswersPipelinedRequestsInOrder) {
    Fixture fixture;
    const std::string text = fixture.raw(
        "GET /echo/first HTTP/1.1\r\nHost: h\r\n\r\n"
        "GET /echo/second HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    const std::size_t first = text.find("/echo/first");
    const std::size_t second = text.find("/echo/second");
    ASSERT_NE(first, std::string::npos) << text;
    ASSERT_NE(second, std::string::npos) << text;
    EXPECT_LT(first, second);
}

TEST(Server, OldClientsGetOneResponseAConnection) {
    Fixture fixture;
    const std::string text = fixture.raw("GET /echo/x HTTP/1.0\r\n\r\n");
    EXPECT_EQ(status_of(text), "HTTP/1.1 200 OK");
    EXPECT_NE(text.find("\r\nConnection: close\r\n"), std::string::npos);
}

TEST(Server, ReadsChunkedBodies) {
    Fixture fixture;
    const std::string text = fixture.raw(
        "POST /echo/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: "
        "close\r\n\r\n"
        "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    EXPECT_NE(text.find("{name}=x abcde from"), std::string::npos) << text;
}

TEST(Server, InvitesABodyThatIsAnnounced) {
    Fixture fixture;
    RawConnection connection(RawConnection::connect(fixture.port()));
    connection.write(
        "POST /echo/x HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    EXPECT_EQ(connection.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    connection.write("body");
    EXPECT_NE(connection.read_until("from 127.0.0.1").find("{name}=x body"), std::string::npos);
}

TEST(Server, BoundsTheBody) {
    Server::Options options;
    options.body_bytes_max = 10;
    Fixture fixture(options);
    EXPECT_EQ(
        status_of(fixture.raw("POST /echo/x HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n")),
        "HTTP/1.1 413 Payload Too Large");
    EXPECT_EQ(status_of(fixture.raw(
                  "POST /echo/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "b\r\n12345678901\r\n0\r\n\r\n")),
              "HTTP/1.1 413 Payload Too Large");
}

TEST(Server, AnswersAboutTheBodyLimitEvenToAClientThatKeepsSending) {
    Server::Options options;
    options.body_bytes_max = 10;
    Fixture fixture(options);
    const std::string body(100'000, 'x');
    const std::string text =
        fixture.raw("POST /echo/x HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n" + body);
    EXPECT_EQ(status_of(text), "HTTP/1.1 413 Payload Too Large");
}

TEST(Server, BoundsTheHeader) {
    Fixture fixture;
    const std::string value(20'000, 'x');
    EXPECT_EQ(
        status_of(fixture.raw("GET /echo/x HTTP/1.1\r\nHost: h\r\nX-Long: " + value + "\r\n\r\n")),
        "HTTP/1.1 431 Request Header Fields Too Large");
}

TEST(Server, RefusesMalformedMessages) {
    Fixture fixture;
    const char* const messages[] = {
        "nonsense\r\n\r\n",
        "GET /echo/x HTTP/9.9\r\n\r\n",
        "GET /echo/x HTTP/1.1\r\nConnection: close\r\n\r\n",  // no Host
        "GET /echo/x HTTP/1.1\r\nHost: h\r\nBad Header: x\r\n\r\n",
        "POST /echo/x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: "
        "chunked\r\n\r\n",
        "POST /echo/x HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n",
    };
    for (const char* message : messages) {
        SCOPED_TRACE(message);
        EXPECT_EQ(status_of(fixture.raw(message)), "HTTP/1.1 400 Bad Request");
    }
}

TEST(Server, AHandlerThatThrowsIsAnInternalError) {
    log::configure("test", "info", "text");
    const log::Capture capture;
    Fixture fixture;
    const Response response = fixture.get("/throw");
    EXPECT_EQ(response.status, 500);
    EXPECT_EQ(response.body, "internal error\n");
    EXPECT_EQ(capture.text(), "ERROR request handler failed path=/throw error=\"handler broke\"\n");
    EXPECT_EQ(fixture.get("/echo/x").status, 200);
}

TEST(Server, LeavesOutHeadersThatWouldForgeOthers) {
    log::configure("test", "info", "text");
    const log::Capture capture;
    Router router;
    router.add("GET", "/forged", [](Request) {
        Response response = Response::see_other("/x\r\nSet-Cookie: a=b");
        response.headers.emplace_back("X-Good", "y");
        response.headers.emplace_back("Content-Length", "999");
        return respond(std::move(response));
    });
    Fixture fixture({}, std::move(router));
    const Response response = fixture.get("/forged");
    EXPECT_EQ(response.status, 303);
    EXPECT_FALSE(response.header("Location"));
    EXPECT_FALSE(response.header("Set-Cookie"));
    EXPECT_EQ(response.header("X-Good"), "y");
    EXPECT_EQ(response.header("Content-Length"), "0");
    EXPECT_NE(capture.text().find("ERROR response header left out"), std::string::npos);
}

TEST(Server, ReportsEachResponse) {
    std::mutex mutex;
    std::string seen;
    Server::Options options;
    options.on_response =
        [&](const Request& request, const Response& response, const std::string& pattern) {
            const std::lock_guard lock(mutex);
            seen += request.method + " " + pattern + " " + std::to_string(response.status) + ";";
        };
    Fixture fixture(options);
    fixture.get("/echo/x");
    fixture.get("/none");
    fixture.raw("nonsense\r\n\r\n");
    const auto all_seen = [&] {
        const std::lock_guard lock(mutex);
        return seen == "GET /echo/{name} 200;GET  404;GET  400;";
    };
    EXPECT_TRUE(wait_for(all_seen)) << seen;
}

TEST(Server, SendsLargeBodies) {
    Router router;
    router.add("GET", "/large", [](Request) {
        return respond(Response::text(200, std::string(3'000'000, 'x')));
    });
    Fixture fixture({}, std::move(router));
    EXPECT_EQ(fixture.get("/large").body, std::string(3'000'000, 'x'));
}

TEST(Server, ClosesConnectionsBeyondItsLimit) {
    Server::Options options;
    options.connections_max = 1;
    Fixture fixture(options);
    RawConnection first(RawConnection::connect(fixture.port()));
    first.write("GET /echo/x HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_NE(first.read_until("from 127.0.0.1").find("200 OK"), std::string::npos);
    EXPECT_EQ(fixture.raw("GET /echo/x HTTP/1.1\r\nHost: h\r\n\r\n"), "");
}

TEST(Server, CloseEndsIdleConnectionsAtOnce) {
    Fixture fixture;
    RawConnection used(RawConnection::connect(fixture.port()));
    used.write("GET /echo/x HTTP/1.1\r\nHost: h\r\n\r\n");
    used.read_until("from 127.0.0.1");
    fixture.server().close();
    EXPECT_EQ(used.read_all(), "");
    EXPECT_TRUE(wait_for([&] { return fixture.server().connections() == 0; }));
}

// A handler that waits until the test lets it go.
struct Gate {
    std::atomic<bool> reached = false;
    std::promise<net::OneShot<int>::Setter> setter;
};

net::Awaitable<Response> wait_at(Gate* gate) {
    const auto executor = co_await boost::asio::this_coro::executor;
    auto& context = static_cast<boost::asio::io_context&>(
        boost::asio::query(executor, boost::asio::execution::context));
    net::OneShot<int> opened(context);
    gate->setter.set_value(opened.setter());
    co_await opened.wait(no_deadline);
    co_return Response::text(200, "finished");
}

TEST(Server, CloseLetsABusyConnectionFinish) {
    Gate gate;
    Router router;
    router.add("GET", "/wait", [&gate](Request) { return wait_at(&gate); });
    Fixture fixture({}, std::move(router));
    RawConnection busy(RawConnection::connect(fixture.port()));
    busy.write("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
    const auto setter = gate.setter.get_future().get();
    fixture.server().close();
    setter.set(1);
    const std::string text = busy.read_all();
    EXPECT_EQ(status_of(text), "HTTP/1.1 200 OK");
    EXPECT_NE(text.find("\r\nConnection: close\r\n"), std::string::npos) << text;
    EXPECT_TRUE(text.ends_with("finished"));
    EXPECT_TRUE(wait_for([&] { return fixture.server().connections() == 0; }));
}

TEST(Server, APortInUseIsAStartupError) {
    Fixture fixture;
    net::IoThreads threads(1);
    Server::Options options;
    options.address = {"127.0.0.1", fixture.port()};
    EXPECT_THROW(Server(threads, options, Router()), StartupError);
}

class TlsServer : public testing::Test {
protected:
    TlsServer() {
        EXPECT_TRUE(crypto::make_authority(authority_, "test"));
        EXPECT_TRUE(
            crypto::make_server_certificate(authority_, server_, {"localhost", "127.0.0.1"}));
        Server::Options options;
        const net::TlsServerContext::Files files{server_.certificate, server_.key};
        options.tls =
            std::make_shared<net::ReloadingTlsContext>(files, net::TlsServerContext::Alpn::none);
        fixture_.emplace(options);
    }

    Result<Response> get(const std::string& host, const std::filesystem::path& ca) {
        ClientOptions options;
        options.base_url = "https://" + host + ":" + std::to_string(fixture_->port());
        options.ca = ca;
        Request request;
        request.target = "/echo/x";
        return send_and_wait(options, request);
    }

    crypto::TemporaryFolder folder_;
    crypto::CertificateFiles authority_{folder_ / "ca.crt", folder_ / "ca.key"};
    crypto::CertificateFiles server_{folder_ / "server.crt", folder_ / "server.key"};
    std::optional<Fixture> fixture_;
};

TEST_F(TlsServer, ServesVerifiedClients) {
    for (const char* host : {"127.0.0.1", "localhost"}) {
        SCOPED_TRACE(host);
        const auto response = get(host, authority_.certificate);
        ASSERT_TRUE(response) << response.error().message();
        EXPECT_EQ(response->body, "GET /echo/x {name}=x  from 127.0.0.1 encrypted");
    }
}

TEST_F(TlsServer, ClientsRefuseAnUnknownAuthority) {
    const crypto::CertificateFiles other{folder_ / "other.crt", folder_ / "other.key"};
    ASSERT_TRUE(crypto::make_authority(other, "other"));
    const auto response = get("127.0.0.1", other.certificate);
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().kind, ErrorKind::control_plane);
    EXPECT_NE(response.error().message().find("certificate"), std::string::npos)
        << response.error().message();
}

TEST_F(TlsServer, PlainTextEndsTheConnection) {
    EXPECT_EQ(fixture_->raw("GET / HTTP/1.1\r\nHost: h\r\n\r\n").find("HTTP/1.1"),
              std::string::npos);
}

}  // namespace
}  // namespace sluice::http
