#pragma once

#include "auth/api/messages.hpp"
#include "auth/core/link_session.hpp"
#include "auth/service/config.hpp"
#include "auth/service/metrics.hpp"
#include "common/crypto/signature.hpp"
#include "common/net/asio.hpp"
#include "common/net/blocking_pool.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace sluice::auth {

// Tells proxies how link sessions ended. Any thread.
class Notifier {
public:
    struct Outcome {
        Delivery delivery = Delivery::failed;
        std::string message;  // for the user to read; empty when delivered
    };
    virtual ~Notifier() = default;
    virtual bool knows(const std::string& instance) const = 0;
    // Delivered only when the proxy answered "ok".
    virtual net::Awaitable<Outcome> push(std::string instance, Notification notification) const = 0;
};

// A PostgreSQL connection to the management port of the instance, one simple query, a token of our
// own as the password. Immutable. A connection that cannot be made is tried again within the time
// limit; once the query was sent nothing is repeated, because the proxy may have taken it.
class ManagementNotifier final : public Notifier {
public:
    // Throws StartupError when a CA file cannot be read.
    ManagementNotifier(const std::vector<ProxyConfig>& proxies,
                       crypto::PrivateKey key,
                       AuthMetrics& metrics);

    bool knows(const std::string& instance) const override { return proxies_.contains(instance); }
    net::Awaitable<Outcome> push(std::string instance, Notification notification) const override;

private:
    struct Proxy {
        ProxyConfig config;
        std::shared_ptr<const net::TlsClientContext> tls;
    };
    net::Awaitable<Outcome> deliver(const Proxy& proxy, std::string query) const;

    std::map<std::string, Proxy> proxies_;
    // For what takes the proxy's place and asks for SCRAM.
    mutable net::BlockingPool key_derivation_{1};
    crypto::PrivateKey key_;
    AuthMetrics& metrics_;
};

}  // namespace sluice::auth
