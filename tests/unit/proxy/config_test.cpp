#include "proxy/config.hpp"

#include <gtest/gtest.h>

namespace sluice::proxy {
namespace {

using namespace std::chrono_literals;

ProxyConfig read(const std::string& yaml) {
    return ProxyConfig::read(config::Section::parse(yaml, "proxy.yaml"));
}

// The error of reading, or "no error".
std::string error_of(const std::string& yaml) {
    try {
        read(yaml);
        return "no error";
    } catch (const config::ConfigError& error) {
        return error.what();
    }
}

const std::string forward_listener = R"(listeners:
  - name: through
    listen: 127.0.0.1:5450
    auth: forward
    compute: local
)";
const std::string one_compute = R"(computes:
  - {name: local, host: 127.0.0.1, port: 5441}
)";
const std::string link_listener = R"(listeners:
  - {name: main, listen: "127.0.0.1:5440", auth: link}
)";
const std::string trusting_management = R"(management: {listen: "127.0.0.1:7000", auth: trust}
)";
const std::string short_link = R"(link: {url: "http://127.0.0.1:8480/s/"}
)";

TEST(ProxyConfig, ReadsEveryKey) {
    const ProxyConfig config = read(R"(
listeners:
  - name: main
    listen: "[::1]:5440"
    tls: {certificate: tls/proxy.crt, key: tls/proxy.key, required: false}
    auth: link
  - {name: through, listen: 127.0.0.1:0, auth: forward, compute: local}
computes:
  - {name: local, host: /var/run/postgresql, port: 5441, tls: verify-full, ca: ca/ca.crt}
management:
  listen: 127.0.0.1:7000
  auth: jwt
  jwt_public_key: keys/management.pub
  allowed_targets: ["127.0.0.1:5441", "*.internal:*"]
  tls: {certificate: m.crt, key: m.key}
link:
  url: http://127.0.0.1:8480/s/
  api: https://127.0.0.1:8480
  api_token_file: keys/proxy.token
  api_ca: ca/api.crt
  instance: eu1
  timeout: 90s
  max_pending: 7
  max_pending_per_source: 3
  greeting: neon
  compute_ca: ca/compute.crt
domains: [localhost, db.example.com]
admin: {listen: 127.0.0.1:9440}
log: {level: debug, format: json}
limits: {handshake_timeout: 5s, connect_timeout: 3s, max_connections: 99}
shutdown: {delay: 1s, deadline: 2s}
threads: 3
)");
    ASSERT_EQ(config.listeners.size(), 2U);
    const ListenerConfig& main = config.listeners[0];
    EXPECT_EQ(main.name, "main");
    EXPECT_EQ(main.listen.to_string(), "[::1]:5440");
    ASSERT_TRUE(main.tls);
    EXPECT_EQ(main.tls->certificate, "tls/proxy.crt");
    EXPECT_EQ(main.tls->key, "tls/proxy.key");
    EXPECT_FALSE(main.tls_required);
    EXPECT_EQ(main.auth, ListenerConfig::Auth::link);
    EXPECT_EQ(config.listeners[1].auth, ListenerConfig::Auth::forward);
    EXPECT_EQ(config.listeners[1].compute, "local");
    EXPECT_FALSE(config.listeners[1].tls);

    const ComputeConfig* compute = config.find_compute("local");
    ASSERT_NE(compute, nullptr);
    EXPECT_EQ(compute->host, "/var/run/postgresql");
    EXPECT_EQ(compute->port, 5441);
    EXPECT_EQ(compute->tls, net::TlsMode::verify_full);
    EXPECT_EQ(compute->ca, "ca/ca.crt");
    EXPECT_EQ(config.find_compute("other"), nullptr);

    ASSERT_TRUE(config.management);
    EXPECT_EQ(config.management->auth, ManagementConfig::Auth::jwt);
    EXPECT_EQ(config.management->jwt_public_key, "keys/management.pub");
    EXPECT_TRUE(config.management->allowed_targets.allows("db.internal", 1));
    EXPECT_FALSE(config.management->allowed_targets.allows("127.0.0.1", 5442));
    EXPECT_TRUE(config.management->tls);

    ASSERT_TRUE(config.link);
    EXPECT_EQ(config.link->url, "http://127.0.0.1:8480/s/");
    EXPECT_EQ(config.link->api, "https://127.0.0.1:8480");
    EXPECT_EQ(config.link->api_token_file, "keys/proxy.token");
    EXPECT_EQ(config.link->api_ca, "ca/api.crt");
    EXPECT_EQ(config.link->instance, "eu1");
    EXPECT_EQ(config.link->timeout, 90s);
    EXPECT_EQ(config.link->max_pending, 7U);
    EXPECT_EQ(config.link->max_pending_per_source, 3U);
    EXPECT_EQ(config.link->greeting, LinkConfig::Greeting::neon);
    EXPECT_EQ(config.link->compute_ca, "ca/compute.crt");

    EXPECT_EQ(config.domains, (std::vector<std::string>{"localhost", "db.example.com"}));
    EXPECT_EQ(config.handshake_timeout, 5s);
    EXPECT_EQ(config.connect_timeout, 3s);
    EXPECT_EQ(config.max_connections, 99U);
    EXPECT_EQ(config.service.shutdown_deadline, 2s);
    EXPECT_EQ(config.service.threads, 3U);
}

TEST(ProxyConfig, HasDefaults) {
    const ProxyConfig config = read(link_listener + trusting_management + short_link);
    EXPECT_EQ(config.handshake_timeout, 15s);
    EXPECT_EQ(config.connect_timeout, 10s);
    EXPECT_EQ(config.max_connections, 10'000U);
    EXPECT_EQ(config.link->timeout, 2min);
    EXPECT_EQ(config.link->max_pending, 20'000U);
    EXPECT_EQ(config.link->max_pending_per_source, 100U);
    EXPECT_EQ(config.link->instance, "local");
    EXPECT_FALSE(config.link->api);
    EXPECT_FALSE(config.management->allowed_targets.allows("127.0.0.1", 5432)) << "nothing allowed";
    const ProxyConfig forward = read(forward_listener + "computes: [{name: local, host: db}]\n");
    EXPECT_EQ(forward.computes[0].port, 5432);
    EXPECT_EQ(forward.computes[0].tls, net::TlsMode::disable);
}

TEST(ProxyConfig, RequiresTlsOnceThereIsACertificate) {
    const ProxyConfig config = read(
        "listeners: [{name: a, listen: '127.0.0.1:1', auth: forward, compute: local, "
        "tls: {certificate: c, key: k}}]\n" +
        one_compute);
    EXPECT_TRUE(config.listeners[0].tls_required);
}

TEST(ProxyConfig, AllowsTrustOnEveryLoopbackAddress) {
    for (const std::string address :
         {"127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "localhost:1", "[::ffff:127.0.0.1]:1"}) {
        SCOPED_TRACE(address);
        EXPECT_EQ(error_of(link_listener + short_link + "management: {listen: '" + address +
                           "', auth: trust}\n"),
                  "no error");
    }
}

TEST(ProxyConfig, NamesFileLineAndKeyOfWhatIsWrong) {
    struct Case {
        std::string yaml;
        const char* error;
    };
    const std::string link = link_listener + trusting_management;
    const Case cases[] = {
        {"threads: 1\n", "proxy.yaml:1: listeners: at least one listener is needed"},
        {"listeners: []\n", "proxy.yaml:1: listeners: at least one listener is needed"},
        {"listeners:\n  - listen: 127.0.0.1:1\n", "proxy.yaml:2: listeners[0].name: is required"},
        {"listeners:\n  - name: a\n", "proxy.yaml:2: listeners[0].listen: is required"},
        {"listeners:\n  - name: a\n    listen: 127.0.0.1\n", "proxy.yaml:3: listeners[0].listen: "},
        {"listeners:\n  - name: a\n    listen: 127.0.0.1:1\n    auth: magic\n",
         "proxy.yaml:4: listeners[0].auth: expected one of link, forward, got 'magic'"},
        {"listeners:\n  - name: a\n    listen: 127.0.0.1:1\n    auth: forward\n",
         "proxy.yaml:4: listeners[0].auth: forward needs compute: the name of one of computes"},
        {"listeners:\n  - name: a\n    listen: 127.0.0.1:1\n    compute: x\n",
         "proxy.yaml:4: listeners[0].compute: only for auth: forward; with auth: link sluice-auth "
         "names the compute"},
        {"listeners:\n  - name: a\n    listen: 127.0.0.1:1\n    tls: {certificate: c}\n",
         "proxy.yaml:4: listeners[0].tls.key: is required"},
        {"listeners:\n  - name: a\n    listen: 127.0.0.1:1\n    tsl: {}\n",
         "proxy.yaml:4: listeners[0]: unknown key 'tsl' (did you mean 'tls'?)"},
        {forward_listener, "proxy.yaml:5: listeners[0].compute: 'local' is not a name of computes"},
        {forward_listener + "computes:\n  - {name: local}\n",
         "proxy.yaml:7: computes[0].host: is required"},
        {forward_listener + "computes:\n  - {name: local, host: h, port: 70000}\n",
         "proxy.yaml:7: computes[0].port: expected a whole number from 1 to 65535, got '70000'"},
        {forward_listener + "computes:\n  - {name: local, host: h, tls: maybe}\n",
         "proxy.yaml:7: computes[0].tls: expected one of disable, prefer, require, verify-ca, "
         "verify-full, got 'maybe'"},
        {forward_listener + "computes:\n  - {name: local, host: h}\n  - {name: local, host: i}\n",
         "proxy.yaml:6: computes: the name 'local' is used twice"},
        {"listeners:\n  - {name: a, listen: '127.0.0.1:1', auth: forward, compute: local}\n"
         "  - {name: a, listen: '127.0.0.1:2', auth: forward, compute: local}\n" +
             one_compute,
         "proxy.yaml:1: listeners: the name 'a' is used twice"},
        {link_listener,
         "proxy.yaml:1: listeners: listener 'main' has auth: link, which needs the "
         "sections link and management"},
        {link_listener + short_link,
         "proxy.yaml:1: listeners: listener 'main' has auth: link, "
         "which needs the sections link and management"},
        {forward_listener + one_compute + trusting_management,
         "proxy.yaml:8: management: needs the section link"},
        {link_listener + short_link + "management: {listen: '127.0.0.1:1'}\n",
         "proxy.yaml:4: management.auth: jwt needs jwt_public_key: a PEM file with sluice-auth's "
         "Ed25519 public key"},
        {link_listener + short_link + "management: {listen: '0.0.0.0:1', auth: trust}\n",
         "proxy.yaml:4: management.auth: trust is only allowed when listen is a loopback address"},
        {link_listener + short_link + "management: {listen: 'db.example.com:1', auth: trust}\n",
         "proxy.yaml:4: management.auth: trust is only allowed when listen is a loopback address"},
        {link_listener + short_link +
             "management:\n  listen: 127.0.0.1:1\n  auth: trust\n  allowed_targets: ['a:1', 'a']\n",
         "proxy.yaml:7: management.allowed_targets: 'a' is not host:port; examples: "
         "10.0.0.0/8:5432, *.db.internal:*"},
        {link + "link: {timeout: 2m}\n", "proxy.yaml:4: link.url: is required"},
        {link + "link: {url: 'link.example.com/s/'}\n",
         "proxy.yaml:4: link.url: must begin with http:// or https://"},
        {link + "link: {url: 'http://a/', api: 'a:1', api_token_file: t}\n",
         "proxy.yaml:4: link.api: must begin with http:// or https://"},
        {link + "link: {url: 'http://a/', api: 'http://a'}\n",
         "proxy.yaml:4: link.api: needs api_token_file: the token that sluice-auth knows this "
         "proxy by"},
        {link + "link: {url: 'http://a/', timeout: 10ms}\n", "proxy.yaml:4: link.timeout: "},
        {link + "link: {url: 'http://a/', timeout: 10}\n", "proxy.yaml:4: link.timeout: "},
        {link + "link: {url: 'http://a/', max_pending: 0}\n", "proxy.yaml:4: link.max_pending: "},
        {link + "link: {url: 'http://a/', max_pending_per_source: -1}\n",
         "proxy.yaml:4: link.max_pending_per_source: "},
        {link + "link: {url: 'http://a/', greeting: rude}\n",
         "proxy.yaml:4: link.greeting: expected one of standard, neon, got 'rude'"},
        {forward_listener + one_compute + "limits: {max_connections: 0}\n",
         "proxy.yaml:8: limits.max_connections: "},
        {forward_listener + one_compute + "limits: {handshake_timeout: 1ms}\n",
         "proxy.yaml:8: limits.handshake_timeout: "},
        {forward_listener + one_compute + "limits: {connect_timeout: 0s}\n",
         "proxy.yaml:8: limits.connect_timeout: "},
        {forward_listener + one_compute + "limits: {max_conections: 1}\n",
         "proxy.yaml:8: limits: unknown key 'max_conections' (did you mean 'max_connections'?)"},
        {forward_listener + one_compute + "domains: ['']\n",
         "proxy.yaml:8: domains: '' is not a domain; targets are the names below it: "
         "db.example.com"},
        {forward_listener + one_compute + "domains: ['*.example.com']\n",
         "proxy.yaml:8: domains: '*.example.com' is not a domain"},
        {forward_listener + one_compute + "domain: [a]\n",
         "proxy.yaml:8: unknown key 'domain' (did you mean 'domains'?)"},
    };
    for (const Case& one : cases) {
        SCOPED_TRACE(one.yaml);
        const std::string error = error_of(one.yaml);
        EXPECT_TRUE(error.starts_with(one.error)) << error << "\nexpected: " << one.error;
    }
}

const std::string whole = link_listener + one_compute + trusting_management + short_link;

TEST(KeysThatNeedRestart, AreNoneForWhatAReloadTakesOver) {
    const auto running = read(whole);
    auto next = read(whole);
    next.link->url = "https://elsewhere/s/";
    next.link->timeout = 5min;
    next.service.log_level = "debug";
    next.max_connections = 1;
    std::string first_bad;
    next.management->allowed_targets = *AllowList::parse({"*:*"}, first_bad);

    EXPECT_EQ(keys_that_need_restart(running, running), std::vector<std::string>());
    EXPECT_EQ(keys_that_need_restart(running, next), std::vector<std::string>());
}

TEST(KeysThatNeedRestart, NamesEachOfTheOthers) {
    struct Case {
        const char* key;
        void (*change)(ProxyConfig&);
    };
    const Case cases[] = {
        {"listeners", [](ProxyConfig& c) { c.listeners[0].listen.port = 1; }},
        {"listeners", [](ProxyConfig& c) { c.listeners[0].tls.emplace(); }},
        {"listeners", [](ProxyConfig& c) { c.listeners.push_back(c.listeners[0]); }},
        {"computes", [](ProxyConfig& c) { c.computes[0].host = "other"; }},
        {"computes", [](ProxyConfig& c) { c.computes.clear(); }},
        {"threads", [](ProxyConfig& c) { c.service.threads = 7; }},
        {"admin.listen", [](ProxyConfig& c) { c.service.admin.emplace(); }},
        {"management.listen", [](ProxyConfig& c) { c.management->listen.port = 1; }},
        {"management.jwt_public_key", [](ProxyConfig& c) { c.management->jwt_public_key = "k"; }},
        {"management.tls", [](ProxyConfig& c) { c.management->tls.emplace(); }},
        {"link.api", [](ProxyConfig& c) { c.link->api = "http://other"; }},
        {"link.api_token_file", [](ProxyConfig& c) { c.link->api_token_file = "t"; }},
    };
    const auto running = read(whole);
    for (const Case& one : cases) {
        SCOPED_TRACE(one.key);
        auto next = running;
        one.change(next);
        EXPECT_EQ(keys_that_need_restart(running, next), std::vector<std::string>{one.key});
    }
}

}  // namespace
}  // namespace sluice::proxy
