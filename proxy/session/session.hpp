#pragma once

#include "backend/server/framed_stream.hpp"
#include "backend/server/server_handshake.hpp"
#include "common/observability/log.hpp"
#include "proxy/authn/link_flow.hpp"
#include "proxy/passthrough/passthrough.hpp"
#include "proxy/routing/target.hpp"
#include "proxy/session/login_failure.hpp"
#include "proxy/session/services.hpp"

#include <memory>
#include <optional>

namespace sluice::proxy {

// One client connection from the first byte to the last: handshake, authentication, connection to
// the compute, pass-through. Lives in the coroutine that serves it, on its worker's thread.
class Session {
public:
    Session(Services& services, Worker& worker, ListenerRuntime& listener);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    net::Awaitable<void> run(std::unique_ptr<net::SocketStream> socket);

    // Shutdown: a wait for an approval ends (57P03). Established sessions are drained by
    // RelayThreads.
    void drain();

private:
    // Both ends are connected; what is needed to copy between them.
    struct Established {
        std::unique_ptr<net::ByteStream> client;
        std::unique_ptr<net::ByteStream> compute;
        std::shared_ptr<const ComputeAddress> address;
        Bytes from_client;
        Bytes from_compute;
        bool logged_in = false;  // false: the compute's dialogue with the client is yet to come
    };
    using LoginResult = Expected<Established, LoginFailure>;

    net::Awaitable<std::optional<Established>> log_in(std::unique_ptr<net::SocketStream> socket);
    net::Awaitable<LoginResult> log_in_forward(pg::Opening& opening);
    net::Awaitable<LoginResult> log_in_link(pg::FramedStream& client,
                                            const pg::StartupMessage& startup,
                                            std::string server_name,
                                            std::string tls_version);
    net::Awaitable<LoginResult> connect_approved(pg::FramedStream& client,
                                                 const pg::StartupMessage& startup,
                                                 LinkFlow::Approval approval,
                                                 TargetChoice choice);
    net::Awaitable<void> cancel(pg::CancelRequest request, std::string client_address);
    net::Awaitable<void> refuse(net::ByteStream& client, LoginFailure failure);
    void log_refusal(const LoginFailure& failure);
    net::Awaitable<void> pass_through(Established established);
    std::shared_ptr<Passthrough> begin_passthrough(Established& established);
    void log_end(const SessionSummary& summary);
    Bytes exchange_key(const std::shared_ptr<const ComputeAddress>& address,
                       const pg::BackendKey& key,
                       std::size_t key_size);
    // Stops a query whose client is gone.
    void cancel_abandoned_query();

    Services& services_;
    Worker& worker_;
    ListenerRuntime& listener_;
    log::Log log_;
    StateGauge state_;
    CancelRegistry::Registration cancel_key_;
    LinkFlow* link_flow_ = nullptr;  // while waiting for an approval
};

}  // namespace sluice::proxy
