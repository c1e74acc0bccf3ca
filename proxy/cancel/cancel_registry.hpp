#pragma once

#include "backend/protocol/backend.hpp"
#include "backend/protocol/startup.hpp"
#include "common/net/tls_context.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace sluice::proxy {

// Where a session's compute listens.
struct ComputeAddress {
    std::string host;  // name, address, or folder of a Unix socket
    std::uint16_t port = 0;
    std::shared_ptr<const net::TlsClientContext> tls;  // null: no TLS
};

// From the cancel key that a client holds to the compute that runs its queries. The client is
// shown the server's real pid with a key of ours. Any thread.
class CancelRegistry {
    struct Shared;

public:
    CancelRegistry();

    struct Target {
        std::shared_ptr<const ComputeAddress> compute;
        pg::CancelRequest request;  // with the compute's own pid and key
    };

    // Holds one registration; it ends with this object.
    class Registration {
    public:
        Registration() = default;
        Registration(Registration&& other) noexcept;
        Registration& operator=(Registration&& other) noexcept;
        ~Registration() { release(); }
        const Bytes& key() const { return key_; }
        std::uint32_t pid() const { return pid_; }

    private:
        friend class CancelRegistry;
        void release();
        std::shared_ptr<Shared> shared_;
        std::uint32_t pid_ = 0;
        Bytes key_;
    };

    // Registers the compute's key and makes one for the client of `key_size` bytes: 4 for protocol
    // 3.0, 32 for 3.2.
    Registration add(std::shared_ptr<const ComputeAddress> compute,
                     const pg::BackendKey& key,
                     std::size_t key_size);
    // The target of a client's request; keys are compared whole, in constant time.
    std::optional<Target> find(const pg::CancelRequest& request) const;
    std::size_t size() const;

private:
    std::shared_ptr<Shared> shared_;
};

}  // namespace sluice::proxy
