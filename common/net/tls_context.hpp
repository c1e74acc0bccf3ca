#pragma once

#include "common/base/bytes.hpp"
#include "common/base/result.hpp"
#include "common/base/secret.hpp"

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
enum class TlsMode { disable, allow, prefer, require, verify_ca, verify_full };
// The modes of configuration files: all but `allow`, which protects against nobody.
std::optional<TlsMode> parse_tls_mode(std::string_view text);

enum class TlsVersion { tls_1_2, tls_1_3 };

struct TlsClientOptions {
    TlsMode mode = TlsMode::require;
    // What verify_ca and verify_full trust; nullopt: the system's roots.
    std::optional<std::filesystem::path> ca;
    // A certificate to show when the server asks for one. The key may be readable for its owner
    // only, or for a group when root owns it.
    std::optional<TlsServerContext::Files> identity;
    Secret key_password;           // for an encrypted key
    bool offer_alpn = false;       // the protocol "postgresql", which direct TLS needs
    bool send_server_name = true;  // SNI, when the server has a name
    TlsVersion min_version = TlsVersion::tls_1_2;
    TlsVersion max_version = TlsVersion::tls_1_3;
};

class TlsClientContext {
public:
    //   errors: kind storage: the file and the reason
    static Result<std::shared_ptr<const TlsClientContext>> make(const TlsClientOptions& options);
    static Result<std::shared_ptr<const TlsClientContext>> make(
        TlsMode mode, const std::optional<std::filesystem::path>& ca);
    ~TlsClientContext();
    ssl_ctx_st* native() const { return context_; }
    TlsMode mode() const { return mode_; }
    bool sends_server_name() const { return sends_server_name_; }

private:
    TlsClientContext() = default;
    ssl_ctx_st* context_ = nullptr;
    TlsMode mode_ = TlsMode::disable;
    bool sends_server_name_ = true;
};

}  // namespace sluice::net
