#include "ctl/config_files.hpp"

#include <fmt/format.h>

namespace sluice::ctl {

namespace {

constexpr const char* proxy_template =
    R"yaml(# Configuration of sluice-proxy. Every key: docs/sluice-proxy.md.
# Check a change with 'sluice-proxy --config THIS-FILE --check-config'.
# Relative paths are relative to the folder of this file.

# Where clients connect.
#   auth: link      the client prints a link; whoever opens it signs in and approves
#   auth: forward   the PostgreSQL server itself asks for the password
listeners:
  - name: main
    listen: 127.0.0.1:{proxy}
    auth: link
    tls:
      certificate: tls/proxy.crt
      key: tls/proxy.key
      required: true
#  - name: through
#    listen: 127.0.0.1:5450
#    auth: forward
#    compute: local
#    tls:
#      certificate: tls/proxy.crt
#      key: tls/proxy.key

# PostgreSQL servers that a listener with 'auth: forward' can name.
computes:
  - name: local
    host: 127.0.0.1
    port: {postgres}
    tls: disable            # disable, prefer, require, verify-ca or verify-full

# Where sluice-auth delivers approvals.
management:
  listen: 127.0.0.1:{management}
  auth: jwt
  jwt_public_key: keys/management.pub
  allowed_targets:          # approvals may lead to these servers only: host:port, *.suffix:port, network/bits:*
    - "127.0.0.1:{postgres}"

# The link that a client prints.
link:
  url: http://127.0.0.1:{auth}/s/
  api: http://127.0.0.1:{auth}
  api_token_file: keys/proxy.token
  instance: local           # the name of this proxy in auth.yaml
  timeout: 2m               # a link that is not approved by then is void
  max_pending: 20000
  max_pending_per_source: 100
  greeting: standard

# A client that asks for <target>.localhost by TLS server name gets that target.
domains: [localhost]

# /metrics, /livez and /readyz.
admin:
  listen: 127.0.0.1:{proxy_admin}

log:
  level: info               # debug, info, warn or error
  format: auto              # text on a terminal, otherwise json

limits:
  handshake_timeout: 15s
  connect_timeout: 10s
  max_connections: 10000

# After SIGTERM: listeners stay open for 'delay', sessions are cut off after 'deadline'.
shutdown:
  delay: 0s
  deadline: 30s

threads: 0                  # 0: one a core
)yaml";

constexpr const char* auth_template =
    R"yaml(# Configuration of sluice-auth. Every key: docs/sluice-auth.md.
# Check a change with 'sluice-auth --config THIS-FILE --check-config'.
# Relative paths are relative to the folder of this file.

# The web page and the API.
listen: 127.0.0.1:{auth}
public_url: http://127.0.0.1:{auth}
# With these two lines the page is served over TLS; then use https in public_url and in proxy.yaml.
# tls:
#   certificate: tls/auth.crt
#   key: tls/auth.key

database: auth/auth.db      # SQLite: users, targets, grants, sessions, audit
seal_key: keys/seal.key     # encrypts the passwords of targets in the database
management_key: keys/management.key   # signs what is sent to the proxies

# Proxies that may ask for approvals, and where their management port is.
proxies:
  - name: local
    management: "127.0.0.1:{management}"
    tls: disable

# Who may call the API.
#   scope: proxy    may register links
#   scope: admin    everything
tokens:
  - name: proxy
    file: keys/proxy.token
    scope: proxy
  - name: admin
    file: keys/admin.token
    scope: admin

# A browser stays signed in that long at most, and that long without being used.
session:
  lifetime: 12h
  idle: 1h

# After so many wrong passwords within the window no further one is tried.
login:
  max_failures: 5
  window: 15m

# /metrics, /livez and /readyz.
admin:
  listen: 127.0.0.1:{auth_admin}

# Shown on the home page to people who have no link yet.
connect_command: 'psql "host=localhost port={proxy} user=app dbname=app sslmode=require"'

audit_log: log/audit.jsonl  # the same events as in the database, one JSON object a line

log:
  level: info               # debug, info, warn or error
  format: auto              # text on a terminal, otherwise json

shutdown:
  delay: 0s
  deadline: 10s
)yaml";

std::string filled(const char* text, const Ports& ports) {
    return fmt::format(fmt::runtime(text),
                       fmt::arg("proxy", ports.proxy),
                       fmt::arg("postgres", ports.postgres),
                       fmt::arg("management", ports.management),
                       fmt::arg("auth", ports.auth),
                       fmt::arg("proxy_admin", ports.proxy_admin),
                       fmt::arg("auth_admin", ports.auth_admin));
}

}  // namespace

std::string render_proxy_config(const Ports& ports) { return filled(proxy_template, ports); }

std::string render_auth_config(const Ports& ports) { return filled(auth_template, ports); }

}  // namespace sluice::ctl
