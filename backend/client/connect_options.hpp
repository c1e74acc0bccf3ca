#pragma once

#include "backend/client/conninfo.hpp"
#include "common/base/secret.hpp"
#include "common/base/time.hpp"
#include "common/net/blocking_pool.hpp"
#include "common/net/tls_context.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace sluice::pg {

// One server and how to log in there.
struct ConnectOptions {
    std::string host;     // name, address, or folder of a Unix socket
    std::string address;  // connect there instead of looking up the host; empty: the host
    std::uint16_t port = 5432;
    // Null: TlsMode::disable. Unix sockets never have TLS. TlsMode::allow begins without and tries
    // again with TLS when the server turns us away; prefer the other way round.
    std::shared_ptr<const net::TlsClientContext> tls;
    SslNegotiation ssl_negotiation = SslNegotiation::postgres;
    std::string user;
    std::string database;
    Secret password;  // used when the server asks
    ChannelBinding channel_binding = ChannelBinding::prefer;
    AuthMethods require_auth;
    // Further startup parameters: application_name, options, and replication ("true", or "database"
    // for logical replication) for a ReplicationClient.
    std::vector<std::pair<std::string, std::string>> parameters;
    std::uint16_t protocol_minor = 0;      // asked for
    std::uint16_t protocol_minor_min = 0;  // a server that speaks less is refused
    // Derives keys from passwords, which takes up to half a second of a core; null: the thread of
    // the connection does.
    net::BlockingPool* pool = nullptr;
    Deadline deadline = no_deadline;  // of everything up to ReadyForQuery
};

}  // namespace sluice::pg
