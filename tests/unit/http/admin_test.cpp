#include "common/http/admin.hpp"

#include "common/http/client.hpp"

#include <gtest/gtest.h>

namespace sluice::http {
namespace {

class Admin : public testing::Test {
protected:
    Admin() : threads_(1), server_(threads_, {"127.0.0.1", 0}, registry_) {
        server_.start();
        threads_.start();
    }
    ~Admin() override { threads_.stop(); }

    Response get(const std::string& target) {
        ClientOptions options;
        options.base_url = "http://127.0.0.1:" + std::to_string(server_.port());
        Request request;
        request.target = target;
        auto response = send_and_wait(options, request);
        EXPECT_TRUE(response) << response.error().message();
        return response ? *std::move(response) : Response();
    }

    metrics::Registry registry_;
    net::IoThreads threads_;
    AdminServer server_;
};

TEST_F(Admin, IsAliveAtOnce) {
    const Response response = get("/livez");
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "ok\n");
}

TEST_F(Admin, IsReadyWhenTold) {
    EXPECT_EQ(get("/readyz").status, 503);
    server_.set_not_ready(nullptr);
    EXPECT_EQ(get("/readyz").status, 200);
    server_.set_not_ready("draining");
    EXPECT_EQ(get("/readyz").status, 503);
    EXPECT_EQ(get("/readyz").body, "draining\n");
}

TEST_F(Admin, ExposesTheRegistry) {
    registry_.counter("sluice_x_total", "X.").add(3);
    const Response response = get("/metrics");
    EXPECT_TRUE(response.header("Content-Type")->starts_with("text/plain; version=0.0.4"));
    EXPECT_NE(response.body.find("\nsluice_x_total 3\n"), std::string::npos) << response.body;
    EXPECT_NE(response.body.find("\nprocess_open_fds "), std::string::npos);
}

TEST_F(Admin, HasNoOtherPaths) { EXPECT_EQ(get("/none").status, 404); }

}  // namespace
}  // namespace sluice::http
