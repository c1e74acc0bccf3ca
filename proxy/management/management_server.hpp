#pragma once

#include "backend/server/postgres_backend.hpp"
#include "common/crypto/signature.hpp"
#include "common/net/listener.hpp"
#include "proxy/session/services.hpp"

#include <atomic>
#include <memory>
#include <optional>
#include <vector>

namespace sluice::proxy {

// What one connection to the management port may do: tell how a link session ended, one simple
// query a message whose text is the JSON (auth/api/messages.hpp). Source: docs/protocols/management.md.
class ManagementHandler final : public pg::Handler {
public:
    // `key` is null with trust authentication.
    ManagementHandler(Services& services,
                      std::shared_ptr<const crypto::PublicKey> key,
                      log::Log log);

    std::optional<pg::ErrorFields> startup(const pg::StartupMessage& message) override;
    std::optional<pg::ErrorFields> check_token(std::string_view token) override;
    std::optional<std::vector<pg::Column>> describe(std::string_view query) override;
    net::Awaitable<pg::QueryOutcome> process_query(pg::PostgresBackend& backend,
                                                   std::string query) override;

private:
    std::optional<pg::ErrorFields> deliver(std::string_view query);
    std::optional<pg::ErrorFields> refuse(ManagementResult result,
                                          std::string_view code,
                                          std::string text);

    Services& services_;
    std::shared_ptr<const crypto::PublicKey> key_;
    log::Log log_;
};

// The management port: PostgresBackend with a ManagementHandler a connection. Its connections are
// few and short; beyond a fixed number they are closed at once.
class ManagementServer {
public:
    // Throws StartupError: key or certificate unreadable, port in use.
    ManagementServer(Services& services,
                     net::IoThreads& threads,
                     std::vector<std::unique_ptr<Worker>>& workers);
    void start() { listener_->start(); }
    void close() { listener_->close(); }
    std::uint16_t port() const { return listener_->port(); }
    // The certificate's context, null without TLS.
    const std::shared_ptr<net::ReloadingTlsContext>& tls() const { return tls_; }

private:
    // A connection has a place from its accept to its end; false when all are taken.
    bool take_place();
    net::Awaitable<void> serve(std::unique_ptr<net::SocketStream> stream);

    Services& services_;
    ManagementConfig config_;
    std::shared_ptr<const crypto::PublicKey> key_;
    std::shared_ptr<net::ReloadingTlsContext> tls_;
    std::atomic<std::size_t> connections_{0};
    std::atomic<bool> full_{false};  // said in the log; until half of the places are free again
    std::unique_ptr<net::Listener> listener_;
};

}  // namespace sluice::proxy
