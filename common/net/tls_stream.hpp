#pragma once

#include "common/net/byte_stream.hpp"
#include "common/net/socket_stream.hpp"
#include "common/net/tls_context.hpp"

#include <memory>
#include <optional>
#include <string>

struct ssl_st;

namespace sluice::net {

// TLS over a SocketStream. OpenSSL works directly on the socket and frees its record buffers when
// idle, so an idle session costs little memory; reads and writes can be cancelled between any two
// bytes.
class TlsStream final : public ByteStream {
public:
    // Server side. `received` are bytes that were already read from the socket and belong to the
    // ClientHello (direct TLS). `direct` requires ALPN to be negotiated, as PostgreSQL 17 does.
    enum class Negotiation { ssl_request, direct };
    static Awaitable<Result<std::unique_ptr<TlsStream>>> accept(
        std::unique_ptr<SocketStream> socket,
        std::shared_ptr<const TlsServerContext> context,
        Bytes received,
        Negotiation negotiation);
    // Client side. `server_name` is sent as SNI (unless the context says no) and, for verify_full,
    // compared with the certificate.
    static Awaitable<Result<std::unique_ptr<TlsStream>>> connect(
        std::unique_ptr<SocketStream> socket,
        std::shared_ptr<const TlsClientContext> context,
        std::string server_name);
    ~TlsStream() override;

    Awaitable<Result<std::size_t>> read_some(ByteSpan into) override;
    Awaitable<Result<std::size_t>> write_some(ByteView bytes) override;
    Attempt try_read(ByteSpan into) override;
    Attempt try_write(ByteView bytes) override;
    Awaitable<Result<void>> shutdown_send() override;
    void close() override;
    void detach() override;
    int native_handle() const override;
    Attempt try_shutdown_send() override;
    void set_deadline(Deadline deadline) override;
    std::string peer() const override;
    std::string peer_address() const override;
    bool encrypted() const override { return true; }
    Bytes channel_binding() const override { return server_end_point(); }

    // The server name that the client asked for; empty when it sent none (server side).
    std::string server_name() const;
    // Whether both sides agreed on the protocol "postgresql" (ALPN).
    bool alpn_selected() const;
    // "TLSv1.3".
    std::string version() const;
    // tls-server-end-point channel binding data (RFC 5929) of the server's certificate, for SCRAM;
    // empty when undefined for the certificate's signature.
    Bytes server_end_point() const;

private:
    struct State;
    explicit TlsStream(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace sluice::net
