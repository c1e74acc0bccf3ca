#pragma once

#include "common/base/bytes.hpp"
#include "common/base/result.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

struct ssl_ctx_st;
struct ssl_st;

namespace sluice::net {

// What a server offers: one certificate chain, its key, the application protocol. Immutable and
// shared by the handshakes that began with it, so a changed certificate never disturbs a session.
// TLS 1.2 and up, no renegotiation, no session tickets, no compression.
class TlsServerContext {
public:
    struct Files {
        std::filesystem::path certificate;  // PEM, leaf first
        std::filesystem::path key;          // PEM
    };
    enum class Alpn { postgresql, none };

    // Errors name the file and OpenSSL's reason.
    static Result<std::shared_ptr<const TlsServerContext>> load(const Files& files, Alpn alpn);
    ~TlsServerContext();

    ssl_ctx_st* native() const { return context_; }
    // The session's handshake fails with the alert no_application_protocol unless the client offers
    // the protocol. Without effect for Alpn::none.
    static void require_alpn(ssl_st* session);
    // When the leaf certificate ends, seconds since 1970.
    std::int64_t not_after() const { return not_after_; }

private:
    TlsServerContext() = default;
    ssl_ctx_st* context_ = nullptr;
    std::int64_t not_after_ = 0;
};

// Loads a certificate and again when its files change or reload() is called. A broken new pair is
// reported and the old one stays. Any thread may call current().
class ReloadingTlsContext {
public:
    // Throws StartupError when the first load fails.
    ReloadingTlsContext(TlsServerContext::Files files, TlsServerContext::Alpn alpn);
    ~ReloadingTlsContext();
    std::shared_ptr<const TlsServerContext> current() const;
    // Loads again now. Errors leave the current context in place.
    Result<void> reload();
    // reload() if the files' modification time, size or inode changed; true when it was replaced.
    // The owner calls it every few seconds.
    Result<bool> reload_if_changed();

private:
    struct State;
    std::unique_ptr<State> state_;
};

// What a client demands of a server; libpq's sslmode.
enum class TlsMode { disable, prefer, require, verify_ca, verify_full };
std::optional<TlsMode> parse_tls_mode(std::string_view text);

class TlsClientContext {
public:
    // `ca` is needed for verify_ca and verify_full unless the system's roots are meant.
    static Result<std::shared_ptr<const TlsClientContext>> make(
        TlsMode mode, const std::optional<std::filesystem::path>& ca);
    ~TlsClientContext();
    ssl_ctx_st* native() const { return context_; }
    TlsMode mode() const { return mode_; }

private:
    TlsClientContext() = default;
    ssl_ctx_st* context_ = nullptr;
    TlsMode mode_ = TlsMode::disable;
};

}  // namespace sluice::net
