#pragma once

#include "backend/client/conninfo.hpp"
#include "backend/client/postgres_client.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::pg {

// Connects to the first host of a connection string that lets us in and is what it asks for, as
// libpq does: a server that refuses the login ends the search (but for one that is starting or
// stopping), one that cannot be reached does not. Lives in the frame of PostgresClient::connect.
class HostSearch {
public:
    HostSearch(boost::asio::io_context& context,
               ConnInfo info,
               Deadline deadline,
               net::BlockingPool* pool);

    net::Awaitable<ClientResult<std::unique_ptr<PostgresClient>>> run();

private:
    using Connected = ClientResult<std::unique_ptr<PostgresClient>>;

    std::optional<ClientError> prepare();
    void shuffle_hosts();
    ConnectOptions options_for(const HostSpec& host) const;
    // One pass over all hosts.
    net::Awaitable<Connected> try_hosts(TargetSession wanted);
    net::Awaitable<Connected> try_host(const HostSpec& host, TargetSession wanted);
    bool is_over(const ClientError& failure) const;

    boost::asio::io_context& context_;
    ConnInfo info_;
    Deadline deadline_;
    net::BlockingPool* pool_;
    std::shared_ptr<const net::TlsClientContext> tls_;
    bool over_ = false;  // a failure that no other host makes good
};

// What a connection string demands of TLS, and the files that it names; null: nothing.
Result<std::shared_ptr<const net::TlsClientContext>> make_tls_context(const ConnInfo& info);

}  // namespace sluice::pg
