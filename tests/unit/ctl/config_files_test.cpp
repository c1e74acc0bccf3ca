#include "ctl/config_files.hpp"

#include "auth/service/config.hpp"
#include "common/config/service_config.hpp"
#include "common/config/yaml.hpp"
#include "proxy/config.hpp"

#include <gtest/gtest.h>

namespace sluice::ctl {
namespace {

using config::HostPort;
using config::Section;

const Ports ports{
    .proxy = 1, .postgres = 2, .management = 3, .auth = 4, .proxy_admin = 5, .auth_admin = 6};

// The services' own readers refuse unknown keys and missing ones.
TEST(ConfigFiles, AreWhatTheServicesRead) {
    const auto proxy =
        proxy::ProxyConfig::read(Section::parse(render_proxy_config(ports), "proxy.yaml"));
    const auto auth = auth::read_config(Section::parse(render_auth_config(ports), "auth.yaml"));

    EXPECT_TRUE(proxy.management->allowed_targets.allows("127.0.0.1", 2));
    EXPECT_FALSE(proxy.management->allowed_targets.allows("127.0.0.1", 3));
    EXPECT_EQ(proxy.link->instance, auth.proxies.at(0).name);
    EXPECT_EQ(*proxy.link->api, auth.public_url);
    EXPECT_NE(auth.connect_command.find("port=1 "), std::string::npos);
}

TEST(ProxyConfigFile, ListensWithTlsAndLinkAuthentication) {
    auto root = Section::parse(render_proxy_config(ports), "proxy.yaml");

    auto listeners = root.sections("listeners");
    ASSERT_EQ(listeners.size(), 1U);
    EXPECT_EQ(config::read_host_port(listeners[0], "listen"), (HostPort{"127.0.0.1", 1}));
    EXPECT_EQ(listeners[0].required_text("auth"), "link");
    auto tls = listeners[0].required_section("tls");
    EXPECT_EQ(tls.required_text("certificate"), "tls/proxy.crt");
    EXPECT_EQ(tls.required_text("key"), "tls/proxy.key");
    EXPECT_TRUE(tls.boolean("required", false));
}

TEST(ProxyConfigFile, KnowsTheServerAndTheAuthService) {
    auto root = Section::parse(render_proxy_config(ports), "proxy.yaml");

    auto computes = root.sections("computes");
    ASSERT_EQ(computes.size(), 1U);
    EXPECT_EQ(computes[0].integer("port", 0, 0, 9), 2);
    auto link = root.required_section("link");
    EXPECT_EQ(link.required_text("url"), "http://127.0.0.1:4/s/");
    EXPECT_EQ(link.required_text("api"), "http://127.0.0.1:4");
    EXPECT_EQ(link.duration("timeout", {}), std::chrono::minutes(2));
    EXPECT_EQ(root.texts("domains"), std::vector<std::string>{"localhost"});
}

TEST(ProxyConfigFile, LetsApprovalsLeadToTheLocalServerOnly) {
    auto root = Section::parse(render_proxy_config(ports), "proxy.yaml");

    auto management = root.required_section("management");

    EXPECT_EQ(config::read_host_port(management, "listen"), (HostPort{"127.0.0.1", 3}));
    EXPECT_EQ(management.required_text("auth"), "jwt");
    EXPECT_EQ(management.texts("allowed_targets"), std::vector<std::string>{"127.0.0.1:2"});
}

TEST(AuthConfigFile, ServesThePageAndReachesTheProxy) {
    auto root = Section::parse(render_auth_config(ports), "auth.yaml");

    EXPECT_EQ(config::read_host_port(root, "listen"), (HostPort{"127.0.0.1", 4}));
    EXPECT_EQ(root.required_text("public_url"), "http://127.0.0.1:4");
    auto proxies = root.sections("proxies");
    ASSERT_EQ(proxies.size(), 1U);
    EXPECT_EQ(proxies[0].required_text("name"), "local");
    EXPECT_EQ(config::read_host_port(proxies[0], "management"), (HostPort{"127.0.0.1", 3}));
}

TEST(AuthConfigFile, HasOneTokenForEachScope) {
    auto root = Section::parse(render_auth_config(ports), "auth.yaml");

    auto tokens = root.sections("tokens");

    ASSERT_EQ(tokens.size(), 2U);
    EXPECT_EQ(tokens[0].required_text("scope"), "proxy");
    EXPECT_EQ(tokens[0].required_text("file"), "keys/proxy.token");
    EXPECT_EQ(tokens[1].required_text("scope"), "admin");
    EXPECT_EQ(tokens[1].required_text("file"), "keys/admin.token");
}

TEST(ConfigFiles, EachServiceHasItsOwnAdminPort) {
    auto proxy = Section::parse(render_proxy_config(ports), "proxy.yaml");
    auto auth = Section::parse(render_auth_config(ports), "auth.yaml");

    EXPECT_EQ(config::ServiceConfig::read(proxy).admin, (HostPort{"127.0.0.1", 5}));
    EXPECT_EQ(config::ServiceConfig::read(auth).admin, (HostPort{"127.0.0.1", 6}));
}

}  // namespace
}  // namespace sluice::ctl
