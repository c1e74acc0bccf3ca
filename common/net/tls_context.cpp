#include "common/net/tls_context.hpp"

#include "common/base/startup_error.hpp"
#include "common/net/openssl_error.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <ctime>
#include <fstream>
#include <mutex>
#include <utility>

namespace sluice::net {

namespace {

constexpr std::string_view alpn_protocol = "postgresql";
// Each name behind its length, as the ClientHello has it.
constexpr std::array<unsigned char, 11> alpn_offer = {
    10, 'p', 'o', 's', 't', 'g', 'r', 'e', 's', 'q', 'l'};

Error file_error(std::string_view what,
                 const std::filesystem::path& file,
                 std::string_view reason) {
    return Error(ErrorKind::storage,
                 std::string(what) + " " + file.string() + ": " + std::string(reason));
}

// OpenSSL names a missing file only as "system lib".
std::optional<Error> unreadable(std::string_view what, const std::filesystem::path& file) {
    errno = 0;
    if (std::ifstream(file).good() && !std::filesystem::is_directory(file)) return std::nullopt;
    const int reason = errno != 0 ? errno : EISDIR;
    return file_error(what, file, boost::system::system_category().message(reason));
}

// Without it OpenSSL would ask for a passphrase on the terminal. `secret` is null or a Secret.
int give_passphrase(char* into, int size, int, void* secret) {
    if (secret == nullptr || size < 0) return -1;
    const auto passphrase = static_cast<const Secret*>(secret)->reveal();
    if (passphrase.empty() || passphrase.size() > static_cast<std::size_t>(size)) return -1;
    passphrase.copy(into, passphrase.size());
    return static_cast<int>(passphrase.size());
}

std::int64_t seconds_since_1970(const ASN1_TIME* time) {
    std::tm broken_down{};
    if (ASN1_TIME_to_tm(time, &broken_down) != 1) return 0;
    return timegm(&broken_down);
}

// The buffers go as soon as they are empty; a record costs one recv; a closed connection is the
// end of the stream whether or not the peer said so.
void set_common_options(SSL_CTX* context) {
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(
        context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(context,
                     SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                         SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_default_passwd_cb(context, give_passphrase);
}

void set_server_options(SSL_CTX* context) {
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_num_tickets(context, 0);
    SSL_CTX_set_max_early_data(context, 0);
}

// A client that offers protocols must offer ours.
int select_alpn(SSL*,
                const unsigned char** selected,
                unsigned char* selected_size,
                const unsigned char* offered,
                unsigned int offered_size,
                void*) {
    for (unsigned int at = 0; at < offered_size;) {
        const unsigned char size = offered[at];
        if (at + 1 + size > offered_size) break;
        const std::string_view name(reinterpret_cast<const char*>(offered + at + 1), size);
        if (name == alpn_protocol) {
            *selected = offered + at + 1;
            *selected_size = size;
            return SSL_TLSEXT_ERR_OK;
        }
        at += 1U + size;
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

// select_alpn is not called when the client offers nothing; then only direct TLS is refused. Runs
// for every ClientHello, the application data mark the direct ones.
int check_alpn_offered(SSL* ssl, int* alert, void*) {
    const unsigned char* extension = nullptr;
    std::size_t size = 0;
    if (SSL_get_app_data(ssl) == nullptr ||
        SSL_client_hello_get0_ext(
            ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &extension, &size) == 1) {
        return SSL_CLIENT_HELLO_SUCCESS;
    }
    *alert = SSL_AD_NO_APPLICATION_PROTOCOL;
    return SSL_CLIENT_HELLO_ERROR;
}

std::optional<Error> load_pair(SSL_CTX* context, const TlsServerContext::Files& files) {
    if (auto error = unreadable("certificate", files.certificate)) return error;
    if (auto error = unreadable("key", files.key)) return error;
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(context, files.certificate.c_str()) != 1) {
        return file_error("certificate", files.certificate, take_openssl_error().message());
    }
    if (SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM) != 1) {
        const bool mismatch = ERR_GET_REASON(ERR_peek_error()) == X509_R_KEY_VALUES_MISMATCH;
        const auto reason = take_openssl_error().message();
        if (!mismatch) return file_error("key", files.key, reason);
        return file_error(
            "key", files.key, "does not match the certificate " + files.certificate.string());
    }
    return std::nullopt;
}

// What tells one version of a file from another without reading it.
struct Stamp {
    bool present = false;
    std::int64_t seconds = 0;
    std::int64_t nanoseconds = 0;
    std::int64_t size = 0;
    std::uint64_t inode = 0;
    bool operator==(const Stamp&) const = default;
};

Stamp stamp_of(const std::filesystem::path& file) {
    struct stat info {};
    if (::stat(file.c_str(), &info) != 0) return {};
    return {true, info.st_mtim.tv_sec, info.st_mtim.tv_nsec, info.st_size, info.st_ino};
}

using Stamps = std::array<Stamp, 2>;

Stamps stamps_of(const TlsServerContext::Files& files) {
    return {stamp_of(files.certificate), stamp_of(files.key)};
}

}  // namespace

Result<std::shared_ptr<const TlsServerContext>> TlsServerContext::load(const Files& files,
                                                                       Alpn alpn) {
    std::shared_ptr<TlsServerContext> loaded(new TlsServerContext);
    loaded->context_ = SSL_CTX_new(TLS_server_method());
    if (loaded->context_ == nullptr) {
        return Error(ErrorKind::internal, "TLS: " + take_openssl_error().message());
    }
    set_common_options(loaded->context_);
    set_server_options(loaded->context_);
    if (alpn == Alpn::postgresql) {
        SSL_CTX_set_alpn_select_cb(loaded->context_, select_alpn, nullptr);
        SSL_CTX_set_client_hello_cb(loaded->context_, check_alpn_offered, nullptr);
    }
    if (auto error = load_pair(loaded->context_, files)) return std::move(*error);
    const X509* leaf = SSL_CTX_get0_certificate(loaded->context_);
    loaded->not_after_ = seconds_since_1970(X509_get0_notAfter(leaf));
    return std::shared_ptr<const TlsServerContext>(std::move(loaded));
}

TlsServerContext::~TlsServerContext() { SSL_CTX_free(context_); }

void TlsServerContext::require_alpn(ssl_st* session) {
    static char direct;
    SSL_set_app_data(session, &direct);
}

struct ReloadingTlsContext::State {
    TlsServerContext::Files files;
    TlsServerContext::Alpn alpn;
    mutable std::mutex mutex;  // guards what follows, never held while files are read
    std::shared_ptr<const TlsServerContext> current;
    Stamps stamps{};  // of the last attempt, so that a broken pair is reported once
};

ReloadingTlsContext::ReloadingTlsContext(TlsServerContext::Files files, TlsServerContext::Alpn alpn)
    : state_(std::make_unique<State>()) {
    state_->files = std::move(files);
    state_->alpn = alpn;
    const auto loaded = reload();
    if (!loaded) throw StartupError(loaded.error().message());
}

ReloadingTlsContext::~ReloadingTlsContext() = default;

std::shared_ptr<const TlsServerContext> ReloadingTlsContext::current() const {
    const std::lock_guard lock(state_->mutex);
    return state_->current;
}

Result<void> ReloadingTlsContext::reload() {
    // Taken before the files are read: a change in between is seen the next time.
    const auto stamps = stamps_of(state_->files);
    auto loaded = TlsServerContext::load(state_->files, state_->alpn);
    const std::lock_guard lock(state_->mutex);
    state_->stamps = stamps;
    if (!loaded) return std::move(loaded).error();
    state_->current = std::move(*loaded);
    return {};
}

Result<bool> ReloadingTlsContext::reload_if_changed() {
    {
        const std::lock_guard lock(state_->mutex);
        if (stamps_of(state_->files) == state_->stamps) return false;
    }
    auto loaded = reload();
    if (!loaded) return std::move(loaded).error();
    return true;
}

std::optional<TlsMode> parse_tls_mode(std::string_view text) {
    constexpr std::array<std::pair<std::string_view, TlsMode>, 5> modes{{
        {"disable", TlsMode::disable},
        {"prefer", TlsMode::prefer},
        {"require", TlsMode::require},
        {"verify-ca", TlsMode::verify_ca},
        {"verify-full", TlsMode::verify_full},
    }};
    for (const auto& [name, mode] : modes) {
        if (name == text) return mode;
    }
    return std::nullopt;
}

namespace {

int version_number(TlsVersion version) {
    return version == TlsVersion::tls_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION;
}

// libpq's rule for key files of clients.
std::optional<Error> too_open(const std::filesystem::path& key) {
    struct stat info {};
    if (::stat(key.c_str(), &info) != 0) return std::nullopt;
    const mode_t forbidden = info.st_uid == 0 ? S_IWGRP | S_IXGRP | S_IRWXO : S_IRWXG | S_IRWXO;
    if ((info.st_mode & forbidden) == 0) return std::nullopt;
    return file_error("key", key, "has group or world access");
}

std::optional<Error> load_identity(SSL_CTX* context, const TlsClientOptions& options) {
    if (!options.identity) return std::nullopt;
    if (auto error = too_open(options.identity->key)) return error;
    Secret passphrase = options.key_password;
    SSL_CTX_set_default_passwd_cb_userdata(context, &passphrase);
    auto error = load_pair(context, *options.identity);
    SSL_CTX_set_default_passwd_cb_userdata(context, nullptr);
    return error;
}

std::optional<Error> load_authority(SSL_CTX* context, const TlsClientOptions& options) {
    if (options.mode != TlsMode::verify_ca && options.mode != TlsMode::verify_full) {
        return std::nullopt;
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    ERR_clear_error();
    if (!options.ca) {
        SSL_CTX_set_default_verify_paths(context);
        return std::nullopt;
    }
    if (auto error = unreadable("CA certificate", *options.ca)) return error;
    if (SSL_CTX_load_verify_file(context, options.ca->c_str()) == 1) return std::nullopt;
    return file_error("CA certificate", *options.ca, take_openssl_error().message());
}

}  // namespace

Result<std::shared_ptr<const TlsClientContext>> TlsClientContext::make(
    TlsMode mode, const std::optional<std::filesystem::path>& ca) {
    TlsClientOptions options;
    options.mode = mode;
    options.ca = ca;
    return make(options);
}

Result<std::shared_ptr<const TlsClientContext>> TlsClientContext::make(
    const TlsClientOptions& options) {
    std::shared_ptr<TlsClientContext> made(new TlsClientContext);
    made->mode_ = options.mode;
    made->sends_server_name_ = options.send_server_name;
    made->context_ = SSL_CTX_new(TLS_client_method());
    if (made->context_ == nullptr) {
        return Error(ErrorKind::internal, "TLS: " + take_openssl_error().message());
    }
    set_common_options(made->context_);
    SSL_CTX_set_min_proto_version(made->context_, version_number(options.min_version));
    SSL_CTX_set_max_proto_version(made->context_, version_number(options.max_version));
    if (options.offer_alpn) {
        SSL_CTX_set_alpn_protos(made->context_, alpn_offer.data(), alpn_offer.size());
    }
    if (auto error = load_authority(made->context_, options)) return std::move(*error);
    if (auto error = load_identity(made->context_, options)) return std::move(*error);
    return std::shared_ptr<const TlsClientContext>(std::move(made));
}

TlsClientContext::~TlsClientContext() { SSL_CTX_free(context_); }

}  // namespace sluice::net
