#include "proxy/config.hpp"

#include "common/crypto/signature.hpp"

#include <algorithm>
#include <set>

namespace sluice::proxy {

namespace {

using config::Section;
using std::chrono::milliseconds;

std::optional<net::TlsServerContext::Files> read_tls_files(Section& parent, bool* required) {
    auto section = parent.section("tls");
    if (!section) return std::nullopt;
    net::TlsServerContext::Files files;
    files.certificate = section->required_path("certificate");
    files.key = section->required_path("key");
    if (required != nullptr) *required = section->boolean("required", true);
    section->finish();
    return files;
}

void check_url(const Section& section, const std::string& key, const std::string& url) {
    if (!url.starts_with("http://") && !url.starts_with("https://")) {
        section.fail(key, "must begin with http:// or https://");
    }
}

ListenerConfig read_listener(Section section) {
    ListenerConfig listener;
    listener.name = section.required_text("name");
    listener.listen = config::read_host_port(section, "listen");
    listener.tls = read_tls_files(section, &listener.tls_required);
    using Auth = ListenerConfig::Auth;
    listener.auth =
        section.choice("auth", Auth::link, {{"link", Auth::link}, {"forward", Auth::forward}});
    listener.compute = section.text("compute", "");
    if (listener.auth == Auth::forward && listener.compute.empty()) {
        section.fail("auth", "forward needs compute: the name of one of computes");
    }
    if (listener.auth == Auth::link && !listener.compute.empty()) {
        section.fail("compute",
                     "only for auth: forward; with auth: link sluice-auth names the compute");
    }
    section.finish();
    return listener;
}

std::uint16_t read_port(Section& section) {
    return static_cast<std::uint16_t>(section.integer("port", 5432, 1, 65535));
}

ComputeConfig read_compute(Section section) {
    ComputeConfig compute;
    compute.name = section.required_text("name");
    compute.host = section.required_text("host");
    compute.port = read_port(section);
    using Mode = net::TlsMode;
    compute.tls = section.choice("tls",
                                 Mode::disable,
                                 {{"disable", Mode::disable},
                                  {"prefer", Mode::prefer},
                                  {"require", Mode::require},
                                  {"verify-ca", Mode::verify_ca},
                                  {"verify-full", Mode::verify_full}});
    compute.ca = section.path("ca");
    section.finish();
    return compute;
}

bool is_loopback(const std::string& host) {
    const Bytes address = parse_address(host);
    if (address.size() == 4) return address[0] == 127;
    return host == "localhost" || host == "::1";
}

ManagementConfig read_management(Section section) {
    ManagementConfig management;
    management.listen = config::read_host_port(section, "listen");
    using Auth = ManagementConfig::Auth;
    management.auth =
        section.choice("auth", Auth::jwt, {{"jwt", Auth::jwt}, {"trust", Auth::trust}});
    management.jwt_public_key = section.path("jwt_public_key");
    if (management.auth == Auth::jwt && !management.jwt_public_key) {
        section.fail("auth",
                     "jwt needs jwt_public_key: a PEM file with sluice-auth's Ed25519 public key");
    }
    if (management.auth == Auth::trust && !is_loopback(management.listen.host)) {
        section.fail("auth", "trust is only allowed when listen is a loopback address");
    }
    std::string bad;
    auto allowed = AllowList::parse(section.texts("allowed_targets"), bad);
    if (!allowed) {
        section.fail("allowed_targets",
                     "'" + bad + "' is not host:port; examples: 10.0.0.0/8:5432, *.db.internal:*");
    }
    management.allowed_targets = std::move(*allowed);
    management.tls = read_tls_files(section, nullptr);
    section.finish();
    return management;
}

LinkConfig read_link(Section section) {
    LinkConfig link;
    link.url = section.required_text("url");
    check_url(section, "url", link.url);
    if (section.has("api")) {
        link.api = section.required_text("api");
        check_url(section, "api", *link.api);
    }
    link.api_token_file = section.path("api_token_file");
    if (link.api && !link.api_token_file) {
        section.fail("api", "needs api_token_file: the token that sluice-auth knows this proxy by");
    }
    link.api_ca = section.path("api_ca");
    link.instance = section.text("instance", link.instance);
    link.timeout = section.duration("timeout", link.timeout, milliseconds(1'000));
    link.max_pending =
        static_cast<std::size_t>(section.integer("max_pending", 20'000, 1, 1'000'000));
    link.max_pending_per_source =
        static_cast<std::size_t>(section.integer("max_pending_per_source", 100, 1, 1'000'000));
    using Greeting = LinkConfig::Greeting;
    link.greeting = section.choice("greeting",
                                   Greeting::standard,
                                   {{"standard", Greeting::standard}, {"neon", Greeting::neon}});
    link.compute_ca = section.path("compute_ca");
    section.finish();
    return link;
}

void read_limits(Section& root, ProxyConfig& config) {
    auto section = root.section("limits");
    if (!section) return;
    config.handshake_timeout =
        section->duration("handshake_timeout", config.handshake_timeout, milliseconds(100));
    config.connect_timeout =
        section->duration("connect_timeout", config.connect_timeout, milliseconds(100));
    config.max_connections =
        static_cast<std::size_t>(section->integer("max_connections", 10'000, 1, 10'000'000));
    section->finish();
}

void check_references(Section& root, const ProxyConfig& config) {
    if (config.listeners.empty()) root.fail("listeners", "at least one listener is needed");
    // The management port checks tokens against link.instance and has nobody to notify without it.
    if (config.management && !config.link) root.fail("management", "needs the section link");
    std::set<std::string> computes;
    for (const ComputeConfig& compute : config.computes) {
        if (!computes.insert(compute.name).second) {
            root.fail("computes", "the name '" + compute.name + "' is used twice");
        }
    }
    for (const std::string& domain : config.domains) {
        if (domain.empty() || domain.front() == '.' || domain.front() == '*') {
            root.fail(
                "domains",
                "'" + domain + "' is not a domain; targets are the names below it: db.example.com");
        }
    }
    std::set<std::string> names;
    const std::vector<Section> sections = root.sections("listeners");
    for (std::size_t i = 0; i < sections.size(); ++i) {
        const ListenerConfig& listener = config.listeners[i];
        if (!names.insert(listener.name).second) {
            root.fail("listeners", "the name '" + listener.name + "' is used twice");
        }
        if (!listener.compute.empty() && config.find_compute(listener.compute) == nullptr) {
            sections[i].fail("compute", "'" + listener.compute + "' is not a name of computes");
        }
        if (listener.auth == ListenerConfig::Auth::link && (!config.link || !config.management)) {
            root.fail("listeners",
                      "listener '" + listener.name +
                          "' has auth: link, which needs the sections link and management");
        }
    }
}

void check_tls_files(Section& parent) {
    bool required = true;
    const auto files = read_tls_files(parent, &required);
    if (!files) return;
    parent.require("tls", net::TlsServerContext::load(*files, net::TlsServerContext::Alpn::none));
}

void check_ca(Section& section, const std::string& key) {
    const auto file = section.path(key);
    if (file) section.require(key, net::TlsClientContext::make(net::TlsMode::verify_ca, file));
}

void check_token_file(Section& section, const std::string& key) {
    const auto file = section.path(key);
    if (!file) return;
    try {
        config::read_secret_file(*file);
    } catch (const StartupError& error) {
        section.fail(key, error.what());
    }
}

void check_files(Section root) {
    for (Section& listener : root.sections("listeners")) check_tls_files(listener);
    for (Section& compute : root.sections("computes")) check_ca(compute, "ca");
    if (auto management = root.section("management")) {
        const auto key = management->path("jwt_public_key");
        if (key) management->require("jwt_public_key", crypto::PublicKey::load(*key));
        check_tls_files(*management);
    }
    if (auto link = root.section("link")) {
        check_token_file(*link, "api_token_file");
        check_ca(*link, "api_ca");
        check_ca(*link, "compute_ca");
    }
}

}  // namespace

ProxyConfig ProxyConfig::read(Section root) {
    ProxyConfig config;
    for (Section& section : root.sections("listeners")) {
        config.listeners.push_back(read_listener(section));
    }
    for (Section& section : root.sections("computes")) {
        config.computes.push_back(read_compute(section));
    }
    if (auto section = root.section("management")) config.management = read_management(*section);
    if (auto section = root.section("link")) config.link = read_link(*section);
    config.domains = root.texts("domains");
    read_limits(root, config);
    config.service = config::ServiceConfig::read(root);
    check_references(root, config);
    root.finish();
    return config;
}

ProxyConfig ProxyConfig::load(const std::filesystem::path& file) {
    return read(Section::load(file));
}

ProxyConfig ProxyConfig::load_with_files(const std::filesystem::path& file) {
    const Section root = Section::load(file);
    ProxyConfig config = read(root);
    check_files(root);
    return config;
}

const ComputeConfig* ProxyConfig::find_compute(const std::string& name) const {
    const auto found =
        std::find_if(computes.begin(), computes.end(), [&](const ComputeConfig& compute) {
            return compute.name == name;
        });
    return found == computes.end() ? nullptr : &*found;
}

namespace {

using TlsFiles = std::optional<net::TlsServerContext::Files>;

bool same(const TlsFiles& a, const TlsFiles& b) {
    if (!a || !b) return a.has_value() == b.has_value();
    return a->certificate == b->certificate && a->key == b->key;
}

bool same(const ListenerConfig& a, const ListenerConfig& b) {
    return a.name == b.name && a.listen == b.listen && same(a.tls, b.tls) &&
           a.tls_required == b.tls_required && a.auth == b.auth && a.compute == b.compute;
}

bool same(const ComputeConfig& a, const ComputeConfig& b) {
    return a.name == b.name && a.host == b.host && a.port == b.port && a.tls == b.tls &&
           a.ca == b.ca;
}

template <class Items>
bool all_same(const Items& a, const Items& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
        return same(x, y);
    });
}

}  // namespace

std::vector<std::string> keys_that_need_restart(const ProxyConfig& running,
                                                const ProxyConfig& next) {
    std::vector<std::string> keys;
    const auto compare = [&keys](bool equal, const char* key) {
        if (!equal) keys.emplace_back(key);
    };
    compare(all_same(running.listeners, next.listeners), "listeners");
    compare(all_same(running.computes, next.computes), "computes");
    compare(running.service.threads == next.service.threads, "threads");
    compare(running.service.admin == next.service.admin, "admin.listen");
    if (running.management && next.management) {
        const auto& a = *running.management;
        const auto& b = *next.management;
        compare(a.listen == b.listen, "management.listen");
        compare(a.auth == b.auth, "management.auth");
        compare(a.jwt_public_key == b.jwt_public_key, "management.jwt_public_key");
        compare(same(a.tls, b.tls), "management.tls");
    }
    if (running.link && next.link) {
        compare(running.link->api == next.link->api, "link.api");
        compare(running.link->api_token_file == next.link->api_token_file, "link.api_token_file");
        compare(running.link->api_ca == next.link->api_ca, "link.api_ca");
    }
    return keys;
}

}  // namespace sluice::proxy
