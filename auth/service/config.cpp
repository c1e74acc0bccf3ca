#include "auth/service/config.hpp"

#include "auth/core/csrf.hpp"
#include "auth/service/api_tokens.hpp"
#include "common/config/yaml.hpp"
#include "common/crypto/secret_box.hpp"
#include "common/crypto/signature.hpp"

#include <set>

namespace sluice::auth {

namespace {

using config::Section;

net::TlsMode read_tls_mode(Section& section) {
    return section.choice("tls",
                          net::TlsMode::disable,
                          {{"disable", net::TlsMode::disable},
                           {"prefer", net::TlsMode::prefer},
                           {"require", net::TlsMode::require},
                           {"verify-ca", net::TlsMode::verify_ca},
                           {"verify-full", net::TlsMode::verify_full}});
}

ProxyConfig read_proxy(Section section) {
    ProxyConfig proxy;
    proxy.name = section.required_text("name");
    proxy.management = config::read_host_port(section, "management");
    proxy.tls = read_tls_mode(section);
    proxy.ca = section.path("ca");
    section.finish();
    return proxy;
}

TokenConfig read_token(Section section) {
    TokenConfig token;
    token.name = section.required_text("name");
    token.file = section.required_path("file");
    token.scope = section.choice(
        "scope", TokenScope::proxy, {{"proxy", TokenScope::proxy}, {"admin", TokenScope::admin}});
    section.finish();
    return token;
}

std::optional<net::TlsServerContext::Files> read_tls(Section& root) {
    auto section = root.section("tls");
    if (!section) return std::nullopt;
    net::TlsServerContext::Files files{section->required_path("certificate"),
                                       section->required_path("key")};
    section->finish();
    return files;
}

void read_session(Section& root, AuthConfig& to) {
    auto section = root.section("session");
    if (!section) return;
    constexpr std::chrono::seconds least(10);
    to.session_lifetime = section->duration("lifetime", to.session_lifetime, least);
    to.session_idle = section->duration("idle", to.session_idle, least);
    section->finish();
}

void read_login(Section& root, AuthConfig& to) {
    auto section = root.section("login");
    if (!section) return;
    to.login_max_failures =
        static_cast<int>(section->integer("max_failures", to.login_max_failures, 1, 1000));
    to.login_window = section->duration("window", to.login_window, std::chrono::seconds(1));
    section->finish();
}

void read_proxies(Section& root, AuthConfig& to) {
    std::set<std::string> names;
    for (Section& section : root.sections("proxies")) {
        to.proxies.push_back(read_proxy(section));
        if (!names.insert(to.proxies.back().name).second) {
            section.fail("name", "two proxies have the name " + to.proxies.back().name);
        }
    }
}

void read_tokens(Section& root, AuthConfig& to) {
    for (Section& section : root.sections("tokens")) to.tokens.push_back(read_token(section));
}

void check_token(Section section) {
    try {
        const ApiTokens tokens({read_token(section)});
    } catch (const StartupError& error) {
        section.fail("file", error.what());
    }
}

void check_files(Section root) {
    if (const auto files = read_tls(root)) {
        root.require("tls", net::TlsServerContext::load(*files, net::TlsServerContext::Alpn::none));
    }
    root.require("seal_key", crypto::SecretBox::load(root.required_path("seal_key")));
    root.require("management_key", crypto::PrivateKey::load(root.required_path("management_key")));
    for (Section& proxy : root.sections("proxies")) {
        const auto ca = proxy.path("ca");
        if (ca) proxy.require("ca", net::TlsClientContext::make(net::TlsMode::verify_ca, ca));
    }
    for (Section& token : root.sections("tokens")) check_token(token);
}

}  // namespace

AuthConfig read_config(Section root) {
    AuthConfig result;
    result.listen = config::read_host_port(root, "listen");
    result.tls = read_tls(root);
    result.public_url = root.required_text("public_url");
    const std::string origin = origin_of(result.public_url);
    if (!origin.starts_with("http://") && !origin.starts_with("https://")) {
        root.fail("public_url", "must begin with http:// or https://");
    }
    result.database = root.required_path("database");
    result.seal_key = root.required_path("seal_key");
    result.management_key = root.required_path("management_key");
    read_proxies(root, result);
    read_tokens(root, result);
    read_session(root, result);
    read_login(root, result);
    result.audit_log = root.path("audit_log");
    result.connect_command = root.text("connect_command", "");
    result.service = config::ServiceConfig::read(root);
    root.finish();
    return result;
}

AuthConfig load_config(const std::filesystem::path& file) {
    return read_config(Section::load(file));
}

AuthConfig load_config_with_files(const std::filesystem::path& file) {
    const Section root = Section::load(file);
    AuthConfig config = read_config(root);
    check_files(root);
    return config;
}

}  // namespace sluice::auth
