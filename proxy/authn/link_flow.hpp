#pragma once

#include "auth/api/messages.hpp"
#include "backend/server/framed_stream.hpp"
#include "common/observability/log.hpp"
#include "proxy/management/waiters.hpp"
#include "proxy/session/login_failure.hpp"
#include "proxy/session/services.hpp"

#include <memory>
#include <string>

namespace sluice::proxy {

// Link authentication of one client: registers a link with sluice-auth, prints it, and waits for a
// person's decision while watching that the client is still there.
class LinkFlow {
public:
    LinkFlow(Services& services, Worker& worker, log::Log log);

    struct Approval {
        std::string session_id;
        auth::LinkSuccess success;
    };
    // The client must have been sent nothing but an answer to its TLS request. `negotiation` is
    // sent first when the client asked for a newer protocol.
    net::Awaitable<Expected<Approval, LoginFailure>> run(pg::FramedStream& client,
                                                         auth::RequestedAccess requested,
                                                         auth::ClientInfo info,
                                                         Bytes negotiation);
    // This proxy is shutting down: a wait ends with 57P03.
    void drain();

private:
    net::Awaitable<std::optional<LoginFailure>> announce(pg::FramedStream& client,
                                                         auth::LinkRegistration registration,
                                                         Bytes negotiation);
    net::Awaitable<Expected<LinkOutcome, LoginFailure>> wait(pg::FramedStream& client,
                                                             Deadline deadline);
    Expected<Approval, LoginFailure> decide(LinkOutcome outcome, const std::string& client_address);
    void abandon(auth::LinkApi::AbandonReason reason);
    LoginFailure ended(LinkResult result, LoginFailure failure);

    Services& services_;
    Worker& worker_;
    log::Log log_;
    std::shared_ptr<const ProxyConfig> config_;
    std::string session_id_;
    std::optional<Waiters::Waiter> waiter_;
};

}  // namespace sluice::proxy
