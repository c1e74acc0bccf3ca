#pragma once

#include "common/base/result.hpp"
#include "common/base/secret.hpp"

#include <bitset>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::pg {

// Connection strings as libpq 14 to 18 take them, without I/O: no environment, no password or
// service file, no user of the operating system. Source: PostgreSQL documentation, "Database
// Connection Control Functions".

enum class SslMode { disable, allow, prefer, require, verify_ca, verify_full };
enum class SslNegotiation { postgres, direct };
enum class ChannelBinding { disable, prefer, require };
enum class TargetSession { any, read_write, read_only, primary, standby, prefer_standby };
enum class SslVersion { tls_1_2, tls_1_3 };

// The ways of authentication that require_auth names. `none`: the server asks for nothing.
enum class AuthMethod { password, md5, gss, sspi, scram, oauth, none };
inline constexpr std::size_t auth_method_count = 7;
class AuthMethods {
public:
    // All methods.
    AuthMethods() { allowed_.set(); }
    static AuthMethods nothing();
    bool allows(AuthMethod method) const { return allowed_.test(static_cast<std::size_t>(method)); }
    void set(AuthMethod method, bool allowed) {
        allowed_.set(static_cast<std::size_t>(method), allowed);
    }

private:
    std::bitset<auth_method_count> allowed_;
};

struct HostSpec {
    std::string host;     // name, address, or folder of a Unix socket; what a certificate must name
    std::string address;  // "hostaddr": connect there instead of looking up the host
    std::uint16_t port = 5432;
    // Where to connect.
    const std::string& endpoint() const { return address.empty() ? host : address; }
};

struct ConnInfo {
    std::vector<HostSpec> hosts;  // at least one
    std::string user;
    std::string database;  // defaults to the user
    Secret password;
    std::optional<std::chrono::seconds> connect_timeout;  // of each host; nullopt: none
    SslMode ssl_mode = SslMode::prefer;
    SslNegotiation ssl_negotiation = SslNegotiation::postgres;
    std::string ssl_cert;       // PEM file, leaf first
    std::string ssl_key;        // PEM file
    std::string ssl_root_cert;  // PEM file, or "system"
    Secret ssl_password;        // of ssl_key
    bool ssl_sni = true;
    SslVersion ssl_min_version = SslVersion::tls_1_2;
    SslVersion ssl_max_version = SslVersion::tls_1_3;
    ChannelBinding channel_binding = ChannelBinding::prefer;
    AuthMethods require_auth;
    TargetSession target_session = TargetSession::any;
    bool load_balance_random = false;
    std::uint16_t protocol_minor_min = 0;
    std::uint16_t protocol_minor_max = 0;
    // Further startup parameters: application_name, client_encoding, options, replication.
    std::vector<std::pair<std::string, std::string>> parameters;
};

// From a URI or keyword=value pairs. A host and a user must be named.
//   errors: kind client; they never hold what may be a password
Result<ConnInfo> parse_conninfo(std::string_view text);

// Keyword=value pairs that parse_conninfo reads back as the same. Holds the passwords.
std::string format_conninfo(const ConnInfo& info);
// The same with "***" in place of passwords, for logs.
std::string redacted(const ConnInfo& info);

}  // namespace sluice::pg
