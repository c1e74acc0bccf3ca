#include "backend/client/conninfo.hpp"

#include "backend/client/conninfo_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace sluice::pg {

namespace {

using Failure = std::optional<Error>;

constexpr std::string_view default_port = "5432";

template <class Value>
struct Name {
    std::string_view text;
    Value value;
};
template <class Value, std::size_t count>
using Names = std::array<Name<Value>, count>;

constexpr Names<SslMode, 6> ssl_modes{{
    {"disable", SslMode::disable},
    {"allow", SslMode::allow},
    {"prefer", SslMode::prefer},
    {"require", SslMode::require},
    {"verify-ca", SslMode::verify_ca},
    {"verify-full", SslMode::verify_full},
}};
constexpr Names<SslNegotiation, 2> ssl_negotiations{{
    {"postgres", SslNegotiation::postgres},
    {"direct", SslNegotiation::direct},
}};
constexpr Names<SslVersion, 2> ssl_versions{{
    {"TLSv1.2", SslVersion::tls_1_2},
    {"TLSv1.3", SslVersion::tls_1_3},
}};
constexpr Names<ChannelBinding, 3> channel_bindings{{
    {"disable", ChannelBinding::disable},
    {"prefer", ChannelBinding::prefer},
    {"require", ChannelBinding::require},
}};
constexpr Names<TargetSession, 6> target_sessions{{
    {"any", TargetSession::any},
    {"read-write", TargetSession::read_write},
    {"read-only", TargetSession::read_only},
    {"primary", TargetSession::primary},
    {"standby", TargetSession::standby},
    {"prefer-standby", TargetSession::prefer_standby},
}};
constexpr Names<AuthMethod, auth_method_count> auth_methods{{
    {"password", AuthMethod::password},
    {"md5", AuthMethod::md5},
    {"gss", AuthMethod::gss},
    {"sspi", AuthMethod::sspi},
    {"scram-sha-256", AuthMethod::scram},
    {"oauth", AuthMethod::oauth},
    {"none", AuthMethod::none},
}};
constexpr Names<bool, 2> load_balancing{{{"disable", false}, {"random", true}}};
constexpr Names<bool, 2> switches{{{"0", false}, {"1", true}}};
constexpr Names<std::uint16_t, 3> protocol_minors{{{"3.0", 0}, {"3.2", 2}, {"latest", 2}}};

template <class Value, std::size_t count>
std::optional<Value> find(const Names<Value, count>& names, std::string_view text) {
    for (const auto& name : names) {
        if (name.text == text) return name.value;
    }
    return std::nullopt;
}

template <class Value, std::size_t count>
std::string_view text_of(const Names<Value, count>& names, Value value) {
    for (const auto& name : names) {
        if (name.value == value) return name.text;
    }
    return "";
}

Error refused(std::string reason) { return Error(ErrorKind::client, std::move(reason)); }

Error invalid_value(std::string_view keyword, std::string_view value) {
    return refused("invalid " + std::string(keyword) + " value: \"" + std::string(value) + "\"");
}

// Empty when not set.
std::string_view value_of(const ConnInfoSettings& settings, std::string_view keyword) {
    const auto found = settings.find(keyword);
    return found == settings.end() ? std::string_view() : found->second.reveal();
}

template <class Value, std::size_t count>
Failure choose(const ConnInfoSettings& settings,
               std::string_view keyword,
               const Names<Value, count>& names,
               Value& into) {
    const auto text = value_of(settings, keyword);
    if (text.empty()) return std::nullopt;
    const auto value = find(names, text);
    if (!value) return invalid_value(keyword, text);
    into = *value;
    return std::nullopt;
}

// The elements between commas; none for an empty text.
std::vector<std::string_view> split_list(std::string_view text) {
    std::vector<std::string_view> elements;
    while (!text.empty()) {
        const std::size_t end = text.find(',');
        elements.push_back(text.substr(0, end));
        if (end == std::string_view::npos) break;
        text.remove_prefix(end + 1);
        if (text.empty()) elements.emplace_back();
    }
    return elements;
}

std::string_view without_blanks(std::string_view text) {
    constexpr std::string_view blanks = " \t\n\v\f\r";
    const std::size_t begin = text.find_first_not_of(blanks);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(blanks) + 1 - begin);
}

std::optional<int> parse_integer(std::string_view text) {
    text = without_blanks(text);
    int value = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
    return value;
}

// The value is not named: it is a part of the password in "postgresql://user:pass/word@host".
Failure read_port(std::string_view text, std::uint16_t& into) {
    const auto port = parse_integer(text.empty() ? default_port : text);
    if (!port || *port < 1 || *port > 65535) return refused("invalid port number");
    into = static_cast<std::uint16_t>(*port);
    return std::nullopt;
}

Failure read_ports(std::string_view text, std::vector<HostSpec>& hosts) {
    const auto ports = split_list(text);
    if (ports.size() > 1 && ports.size() != hosts.size()) {
        return refused("could not match " + std::to_string(ports.size()) + " port numbers to " +
                       std::to_string(hosts.size()) + " hosts");
    }
    for (std::size_t i = 0; i < hosts.size(); ++i) {
        const std::size_t at = ports.size() == 1 ? 0 : i;
        const std::string_view port = at < ports.size() ? ports[at] : std::string_view();
        if (auto failure = read_port(port, hosts[i].port)) return failure;
    }
    return std::nullopt;
}

Failure read_hosts(const ConnInfoSettings& settings, ConnInfo& info) {
    const auto names = split_list(value_of(settings, "host"));
    const auto addresses = split_list(value_of(settings, "hostaddr"));
    if (!names.empty() && !addresses.empty() && names.size() != addresses.size()) {
        return refused("could not match " + std::to_string(names.size()) + " host names to " +
                       std::to_string(addresses.size()) + " hostaddr values");
    }
    info.hosts.resize(std::max(names.size(), addresses.size()));
    if (info.hosts.empty()) return refused("no host is named");
    for (std::size_t i = 0; i < info.hosts.size(); ++i) {
        if (i < names.size()) info.hosts[i].host = names[i];
        if (i < addresses.size()) info.hosts[i].address = addresses[i];
        if (info.hosts[i].endpoint().empty()) return refused("a host name is empty");
    }
    return read_ports(value_of(settings, "port"), info.hosts);
}

Failure read_timeout(const ConnInfoSettings& settings, ConnInfo& info) {
    const auto text = value_of(settings, "connect_timeout");
    if (text.empty()) return std::nullopt;
    const auto seconds = parse_integer(text);
    if (!seconds) {
        return refused("invalid integer value \"" + std::string(text) +
                       "\" for connection option \"connect_timeout\"");
    }
    if (*seconds > 0) info.connect_timeout = std::chrono::seconds(*seconds);
    return std::nullopt;
}

Failure read_login(const ConnInfoSettings& settings, ConnInfo& info) {
    info.user = value_of(settings, "user");
    if (info.user.empty()) return refused("no user is named");
    info.database = value_of(settings, "dbname");
    if (info.database.empty()) info.database = info.user;
    info.password = Secret(std::string(value_of(settings, "password")));
    return read_timeout(settings, info);
}

Failure read_files(const ConnInfoSettings& settings, ConnInfo& info) {
    info.ssl_cert = value_of(settings, "sslcert");
    info.ssl_key = value_of(settings, "sslkey");
    info.ssl_root_cert = value_of(settings, "sslrootcert");
    info.ssl_password = Secret(std::string(value_of(settings, "sslpassword")));
    if (info.ssl_cert.empty() == info.ssl_key.empty()) return std::nullopt;
    return refused("sslcert and sslkey must be given together");
}

Failure weak_mode(const ConnInfo& info, std::string_view with) {
    return refused("weak sslmode \"" + std::string(text_of(ssl_modes, info.ssl_mode)) +
                   "\" may not be used with " + std::string(with));
}

// What the certificate is compared with.
Failure check_names(const ConnInfo& info) {
    if (info.ssl_mode != SslMode::verify_full) return std::nullopt;
    for (const HostSpec& host : info.hosts) {
        if (host.host.empty()) {
            return refused("host name must be specified for a verified SSL connection");
        }
    }
    return std::nullopt;
}

Failure read_tls(const ConnInfoSettings& settings, ConnInfo& info) {
    if (auto failure = read_files(settings, info)) return failure;
    const bool system_roots = info.ssl_root_cert == "system";
    if (system_roots) info.ssl_mode = SslMode::verify_full;
    if (auto failure = choose(settings, "sslmode", ssl_modes, info.ssl_mode)) return failure;
    if (auto failure = choose(settings, "sslnegotiation", ssl_negotiations, info.ssl_negotiation)) {
        return failure;
    }
    if (auto failure = choose(settings, "sslsni", switches, info.ssl_sni)) return failure;
    if (info.ssl_negotiation == SslNegotiation::direct && info.ssl_mode < SslMode::require) {
        return weak_mode(info,
                         "sslnegotiation=direct (use \"require\", \"verify-ca\", or "
                         "\"verify-full\")");
    }
    if (info.ssl_mode >= SslMode::verify_ca && info.ssl_root_cert.empty()) {
        return refused("sslmode \"" + std::string(text_of(ssl_modes, info.ssl_mode)) +
                       "\" needs sslrootcert");
    }
    if (system_roots && info.ssl_mode != SslMode::verify_full) {
        return weak_mode(info, "sslrootcert=system (use \"verify-full\")");
    }
    return check_names(info);
}

Failure read_tls_versions(const ConnInfoSettings& settings, ConnInfo& info) {
    if (auto failure =
            choose(settings, "ssl_min_protocol_version", ssl_versions, info.ssl_min_version)) {
        return failure;
    }
    if (auto failure =
            choose(settings, "ssl_max_protocol_version", ssl_versions, info.ssl_max_version)) {
        return failure;
    }
    if (info.ssl_min_version <= info.ssl_max_version) return std::nullopt;
    return refused("invalid SSL protocol version range");
}

// "md5,scram-sha-256": these and no others; "!password,!none": all but these.
Failure read_require_auth(std::string_view text, AuthMethods& into) {
    const auto elements = split_list(text);
    if (elements.empty()) return std::nullopt;
    const bool negative = elements.front().starts_with('!');
    AuthMethods methods = negative ? AuthMethods() : AuthMethods::nothing();
    for (std::string_view element : elements) {
        if (element.starts_with('!') != negative) {
            return refused("require_auth method \"" + std::string(element) +
                           "\" cannot be mixed with " + (negative ? "negative" : "non-negative") +
                           " methods");
        }
        const auto method = find(auth_methods, element.substr(negative ? 1 : 0));
        if (!method) return invalid_value("require_auth", element);
        if (methods.allows(*method) != negative) {
            return refused("require_auth method \"" + std::string(element) +
                           "\" is specified more than once");
        }
        methods.set(*method, !negative);
    }
    into = methods;
    return std::nullopt;
}

Failure read_authentication(const ConnInfoSettings& settings, ConnInfo& info) {
    if (auto failure =
            choose(settings, "channel_binding", channel_bindings, info.channel_binding)) {
        return failure;
    }
    const auto gss = value_of(settings, "gssencmode");
    if (!gss.empty() && gss != "disable" && gss != "prefer") {
        return invalid_value("gssencmode", gss);
    }
    return read_require_auth(value_of(settings, "require_auth"), info.require_auth);
}

Failure read_session(const ConnInfoSettings& settings, ConnInfo& info) {
    if (auto failure =
            choose(settings, "target_session_attrs", target_sessions, info.target_session)) {
        return failure;
    }
    return choose(settings, "load_balance_hosts", load_balancing, info.load_balance_random);
}

Failure read_protocol(const ConnInfoSettings& settings, ConnInfo& info) {
    if (auto failure =
            choose(settings, "min_protocol_version", protocol_minors, info.protocol_minor_min)) {
        return failure;
    }
    info.protocol_minor_max = info.protocol_minor_min;
    if (auto failure =
            choose(settings, "max_protocol_version", protocol_minors, info.protocol_minor_max)) {
        return failure;
    }
    if (info.protocol_minor_min <= info.protocol_minor_max) return std::nullopt;
    return refused("min_protocol_version is greater than max_protocol_version");
}

Failure read_parameters(const ConnInfoSettings& settings, ConnInfo& info) {
    const auto add = [&](std::string_view name, std::string_view value) {
        if (!value.empty()) info.parameters.emplace_back(name, value);
    };
    const auto application = value_of(settings, "application_name");
    add("application_name",
        application.empty() ? value_of(settings, "fallback_application_name") : application);
    // "auto" asks for the encoding of the environment, which is not looked at.
    const auto encoding = value_of(settings, "client_encoding");
    if (encoding != "auto") add("client_encoding", encoding);
    add("options", value_of(settings, "options"));
    add("replication", value_of(settings, "replication"));
    return std::nullopt;
}

class Formatter {
public:
    explicit Formatter(bool reveals) : reveals_(reveals) {}

    void add(std::string_view keyword, std::string_view value) {
        if (value.empty()) return;
        if (!text_.empty()) text_ += ' ';
        text_.append(keyword).append("='");
        for (const char c : value) {
            if (c == '\'' || c == '\\') text_ += '\\';
            text_ += c;
        }
        text_ += '\'';
    }
    void add(std::string_view keyword, const Secret& value) {
        if (!value.empty()) add(keyword, reveals_ ? value.reveal() : "***");
    }
    std::string finish() && { return std::move(text_); }

private:
    bool reveals_;
    std::string text_;
};

template <class Element>
std::string join(const std::vector<HostSpec>& hosts, Element element) {
    std::string text;
    for (const HostSpec& host : hosts) {
        if (&host != &hosts.front()) text += ',';
        text += element(host);
    }
    // Nothing but commas stands for a list that was not given.
    return text.find_first_not_of(',') == std::string::npos ? std::string() : text;
}

std::string forbidden_methods(const AuthMethods& methods) {
    std::string text;
    for (const auto& [name, method] : auth_methods) {
        if (methods.allows(method)) continue;
        text += text.empty() ? "!" : ",!";
        text += name;
    }
    return text;
}

std::string format(const ConnInfo& info, bool reveals) {
    Formatter out(reveals);
    out.add("host", join(info.hosts, [](const HostSpec& host) { return host.host; }));
    out.add("hostaddr", join(info.hosts, [](const HostSpec& host) { return host.address; }));
    out.add("port",
            join(info.hosts, [](const HostSpec& host) { return std::to_string(host.port); }));
    out.add("user", info.user);
    out.add("dbname", info.database);
    out.add("password", info.password);
    if (info.connect_timeout) {
        out.add("connect_timeout", std::to_string(info.connect_timeout->count()));
    }
    out.add("sslmode", text_of(ssl_modes, info.ssl_mode));
    out.add("sslnegotiation", text_of(ssl_negotiations, info.ssl_negotiation));
    out.add("sslcert", info.ssl_cert);
    out.add("sslkey", info.ssl_key);
    out.add("sslrootcert", info.ssl_root_cert);
    out.add("sslpassword", info.ssl_password);
    out.add("sslsni", text_of(switches, info.ssl_sni));
    out.add("ssl_min_protocol_version", text_of(ssl_versions, info.ssl_min_version));
    out.add("ssl_max_protocol_version", text_of(ssl_versions, info.ssl_max_version));
    out.add("channel_binding", text_of(channel_bindings, info.channel_binding));
    out.add("require_auth", forbidden_methods(info.require_auth));
    out.add("target_session_attrs", text_of(target_sessions, info.target_session));
    out.add("load_balance_hosts", text_of(load_balancing, info.load_balance_random));
    out.add("min_protocol_version", text_of(protocol_minors, info.protocol_minor_min));
    out.add("max_protocol_version", text_of(protocol_minors, info.protocol_minor_max));
    for (const auto& [name, value] : info.parameters) out.add(name, value);
    return std::move(out).finish();
}

}  // namespace

AuthMethods AuthMethods::nothing() {
    AuthMethods methods;
    methods.allowed_.reset();
    return methods;
}

Result<ConnInfo> parse_conninfo(std::string_view text) {
    auto settings = split_conninfo(text);
    if (!settings) return std::move(settings).error();
    ConnInfo info;
    for (const auto step : {read_hosts,
                            read_login,
                            read_tls,
                            read_tls_versions,
                            read_authentication,
                            read_session,
                            read_protocol,
                            read_parameters}) {
        if (auto failure = step(*settings, info)) return std::move(*failure);
    }
    return info;
}

std::string format_conninfo(const ConnInfo& info) { return format(info, true); }

std::string redacted(const ConnInfo& info) { return format(info, false); }

}  // namespace sluice::pg
