#include "common/net/tls_stream.hpp"

#include "common/base/assert.hpp"
#include "common/net/cancelled.hpp"
#include "common/net/openssl_error.hpp"
#include "common/net/race.hpp"
#include "common/net/timer.hpp"

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/address.hpp>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

// How the pieces fit: OpenSSL reads and writes the non-blocking socket through a BIO of ours and
// says what it waits for; the coroutines wait for exactly that and call it again. Nothing of the
// connection's state lies in a coroutine, so each may be cancelled at every wait. The SSL object
// belongs to one thread, therefore a reader and a writer take turns by themselves.

namespace sluice::net {

namespace {

using boost::asio::socket_base;
using boost::system::error_code;

constexpr std::size_t record_bytes_max = 16384;  // RFC 8446 section 5.1
constexpr std::string_view alpn_protocol = "postgresql";
constexpr auto close_notify_time = std::chrono::seconds(1);

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

ByteStream::Attempt closed_attempt() {
    return {ByteStream::Attempt::Status::failed, 0, boost::asio::error::operation_aborted};
}

}  // namespace

struct TlsStream::State {
    // The outcome of one call into OpenSSL.
    struct Step {
        enum class Status { done, wants_read, wants_write, end, failed } status;
        std::size_t count = 0;    // done
        error_code code = {};     // failed: never empty
        const char* detail = "";  // failed
        Error error() const;
    };

    State(std::unique_ptr<SocketStream> stream, std::shared_ptr<const void> owner, SSL_CTX* context)
        : socket(std::move(stream)), context_owner(std::move(owner)), ssl(SSL_new(context)) {
        BIO* bio = BIO_new(bio_method());
        SLUICE_ASSERT(ssl != nullptr && bio != nullptr);
        BIO_set_data(bio, this);
        BIO_set_init(bio, 1);
        SSL_set_bio(ssl, bio, bio);
    }
    ~State() { SSL_free(ssl); }
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    static const BIO_METHOD* bio_method();
    static int bio_read(BIO* bio, char* into, int size);
    static int bio_write(BIO* bio, const char* from, int size);
    static long bio_control(BIO* bio, int command, long, void*);
    int receive(char* into, std::size_t size);

    void begin_call();
    Step step_result(int returned, std::size_t count);
    Step failure();
    Step handshake();
    Step read(ByteSpan into);
    Step write_record(ByteView bytes);
    Step write(ByteView bytes);
    Step flush_sealed(ByteView bytes);
    Step send_close_notify();

    Awaitable<Result<void>> run_handshake();
    Awaitable<error_code> wait_for(Step::Status status);
    Awaitable<error_code> finish_sending();
    static Attempt attempt(const Step& step);
    Attempt fill(ByteSpan into);

    // Why an operation must not begin: closed, or the deadline passed.
    error_code unusable() const;

    std::unique_ptr<SocketStream> socket;
    std::shared_ptr<const void> context_owner;  // SSL_CTX callbacks live as long as sessions
    SSL* ssl;
    Bytes received;  // read from the socket before TLS began
    std::size_t received_used = 0;
    bool drained = false;     // the last recv came back short: the next would find nothing
    bool at_end = false;      // recv returned 0
    error_code socket_error;  // of the current call into OpenSSL, in either direction
    // Kept, because the kernel tells them once. Each direction has its own: what a peer said before
    // it closed can be read after a write has failed.
    error_code receive_error;
    error_code send_error;
    // A write that OpenSSL has sealed into a record of that many bytes but not sent in full, and
    // bytes of such a record that are sent but that the caller has not been told of yet.
    std::size_t sealed = 0;
    std::size_t credit = 0;
    bool close_notify_sent = false;
};

const BIO_METHOD* TlsStream::State::bio_method() {
    static const BIO_METHOD* const method = [] {
        const int type = BIO_get_new_index() | BIO_TYPE_SOURCE_SINK;
        BIO_METHOD* made = BIO_meth_new(type, "sluice socket");
        BIO_meth_set_read(made, bio_read);
        BIO_meth_set_write(made, bio_write);
        BIO_meth_set_ctrl(made, bio_control);
        return made;
    }();
    return method;
}

int TlsStream::State::bio_read(BIO* bio, char* into, int size) {
    auto& state = *static_cast<State*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    const int count = state.receive(into, static_cast<std::size_t>(size));
    if (count < 0 && would_block(errno)) BIO_set_retry_read(bio);
    return count;
}

// Like recv: the count, 0 at the end, -1 and errno.
int TlsStream::State::receive(char* into, std::size_t size) {
    if (received_used < received.size()) {
        const auto count = std::min(size, received.size() - received_used);
        std::copy_n(received.data() + received_used, count, into);
        received_used += count;
        if (received_used == received.size()) Bytes().swap(received), received_used = 0;
        return static_cast<int>(count);
    }
    if (drained) {
        errno = EAGAIN;
        return -1;
    }
    ssize_t count;
    do {
        count = ::recv(socket->native_handle(), into, size, 0);
    } while (count < 0 && errno == EINTR);
    if (count < 0 && !would_block(errno)) {
        socket_error = error_code(errno, boost::system::system_category());
        receive_error = socket_error;
    }
    drained = count > 0 && static_cast<std::size_t>(count) < size;
    at_end = count == 0;
    return static_cast<int>(count);
}

int TlsStream::State::bio_write(BIO* bio, const char* from, int size) {
    auto& state = *static_cast<State*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    ssize_t count;
    do {
        count = ::send(
            state.socket->native_handle(), from, static_cast<std::size_t>(size), MSG_NOSIGNAL);
    } while (count < 0 && errno == EINTR);
    if (count < 0 && would_block(errno)) {
        BIO_set_retry_write(bio);
    } else if (count < 0) {
        state.socket_error = error_code(errno, boost::system::system_category());
        state.send_error = state.socket_error;
    }
    return static_cast<int>(count);
}

long TlsStream::State::bio_control(BIO* bio, int command, long, void*) {
    if (command == BIO_CTRL_FLUSH) return 1;
    if (command == BIO_CTRL_EOF) return static_cast<State*>(BIO_get_data(bio))->at_end ? 1 : 0;
    return 0;
}

void TlsStream::State::begin_call() {
    ERR_clear_error();
    socket_error.clear();
}

TlsStream::State::Step TlsStream::State::step_result(int returned, std::size_t count) {
    if (returned > 0) return {Step::Status::done, count};
    switch (SSL_get_error(ssl, returned)) {
    case SSL_ERROR_WANT_READ: return {Step::Status::wants_read};
    case SSL_ERROR_WANT_WRITE: return {Step::Status::wants_write};
    case SSL_ERROR_ZERO_RETURN: return {Step::Status::end};
    default: return failure();
    }
}

TlsStream::State::Step TlsStream::State::failure() {
    auto cause = take_openssl_error();
    if (socket_error) return {Step::Status::failed, 0, socket_error};
    if (at_end) return {Step::Status::end};
    const auto verified = SSL_get_verify_result(ssl);
    if ((SSL_get_verify_mode(ssl) & SSL_VERIFY_PEER) != 0 && verified != X509_V_OK) {
        cause = certificate_error(verified);
    }
    return {Step::Status::failed, 0, cause, "TLS"};
}

Error TlsStream::State::Step::error() const {
    if (status == Status::end) return Error(ErrorKind::peer, "", eof_error());
    return Error(ErrorKind::peer, detail, code);
}

TlsStream::State::Step TlsStream::State::handshake() {
    begin_call();
    return step_result(SSL_do_handshake(ssl), 0);
}

TlsStream::State::Step TlsStream::State::read(ByteSpan into) {
    if (receive_error) return {Step::Status::failed, 0, receive_error};
    begin_call();
    std::size_t count = 0;
    const int returned = SSL_read_ex(ssl, into.data(), into.size(), &count);
    return step_result(returned, count);
}

// Sends what is left of a sealed record. OpenSSL looks at the length only, the bytes were
// encrypted by the first call.
TlsStream::State::Step TlsStream::State::flush_sealed(ByteView bytes) {
    static const std::array<std::uint8_t, record_bytes_max> unused{};
    const auto* data = bytes.size() >= sealed ? bytes.data() : unused.data();
    begin_call();
    std::size_t count = 0;
    const int returned = SSL_write_ex(ssl, data, sealed, &count);
    auto step = step_result(returned, count);
    if (step.status == Step::Status::done) {
        credit += count;
        sealed = 0;
    }
    return step;
}

TlsStream::State::Step TlsStream::State::write_record(ByteView bytes) {
    if (sealed > 0) {
        auto flushed = flush_sealed(bytes);
        if (flushed.status != Step::Status::done) return flushed;
    }
    if (credit > 0) {
        const auto count = std::min(credit, bytes.size());
        credit -= count;
        return {Step::Status::done, count};
    }
    const auto chunk = bytes.first(std::min(bytes.size(), record_bytes_max));
    begin_call();
    std::size_t count = 0;
    const int returned = SSL_write_ex(ssl, chunk.data(), chunk.size(), &count);
    auto step = step_result(returned, count);
    // While a handshake message of OpenSSL's own blocks, ours is not sealed yet.
    if (step.status == Step::Status::wants_write && SSL_in_init(ssl) == 0) sealed = chunk.size();
    return step;
}

// Record after record until the socket is full; a failure after the first is met again next time.
TlsStream::State::Step TlsStream::State::write(ByteView bytes) {
    if (send_error) return {Step::Status::failed, 0, send_error};
    std::size_t written = 0;
    while (written < bytes.size()) {
        auto step = write_record(bytes.subspan(written));
        if (step.status != Step::Status::done) {
            if (written > 0) break;
            return step;
        }
        written += step.count;
    }
    return {Step::Status::done, written};
}

TlsStream::State::Step TlsStream::State::send_close_notify() {
    // Called again, SSL_shutdown would wait for the peer's.
    if (close_notify_sent) return {Step::Status::done};
    if (send_error) return {Step::Status::failed, 0, send_error};
    if (sealed > 0) {
        auto flushed = flush_sealed({});
        if (flushed.status != Step::Status::done) return flushed;
    }
    begin_call();
    const int returned = SSL_shutdown(ssl);
    close_notify_sent = returned >= 0;  // 0: ours is sent, the peer's has not come
    return close_notify_sent ? Step{Step::Status::done} : step_result(returned, 0);
}

// Not a coroutine itself: an idle session would pay for one more frame.
Awaitable<error_code> TlsStream::State::wait_for(Step::Status status) {
    if (status == Step::Status::wants_write) return socket->wait(socket_base::wait_write);
    drained = false;
    return socket->wait(socket_base::wait_read);
}

Awaitable<Result<void>> TlsStream::State::run_handshake() {
    co_await boost::asio::this_coro::throw_if_cancelled(false);
    for (;;) {
        const auto step = handshake();
        if (step.status == Step::Status::done) co_return Result<void>();
        if (step.status == Step::Status::failed || step.status == Step::Status::end) {
            auto error = step.error();
            if (error.detail.empty()) error.detail = "TLS handshake";
            co_return error;
        }
        const auto ended = co_await wait_for(step.status);
        if (ended) co_return Error(ErrorKind::peer, "TLS handshake", ended);
    }
}

error_code TlsStream::State::unusable() const {
    if (!socket->is_open()) return boost::asio::error::operation_aborted;
    if (socket->expired()) return boost::asio::error::timed_out;
    return {};
}

TlsStream::TlsStream(std::unique_ptr<State> state) : state_(std::move(state)) {}

TlsStream::~TlsStream() = default;

Awaitable<Result<std::unique_ptr<TlsStream>>> TlsStream::accept(
    std::unique_ptr<SocketStream> socket,
    std::shared_ptr<const TlsServerContext> context,
    Bytes received,
    Negotiation negotiation) {
    auto state = std::make_unique<State>(std::move(socket), context, context->native());
    state->received = std::move(received);
    SSL_set_accept_state(state->ssl);
    if (negotiation == Negotiation::direct) TlsServerContext::require_alpn(state->ssl);
    auto finished = co_await state->run_handshake();
    if (!finished) co_return std::move(finished).error();
    co_return std::unique_ptr<TlsStream>(new TlsStream(std::move(state)));
}

namespace {

// verify_full compares the certificate with the name or, for a literal, with the address; SNI is
// for names only (RFC 6066 section 3).
bool set_server_name(SSL* ssl, const std::string& name, const TlsClientContext& context) {
    error_code not_literal;
    boost::asio::ip::make_address(name, not_literal);
    const bool is_name = static_cast<bool>(not_literal);
    const bool is_sent = is_name && !name.empty() && context.sends_server_name();
    if (is_sent && SSL_set_tlsext_host_name(ssl, name.c_str()) != 1) return false;
    if (context.mode() != TlsMode::verify_full) return true;
    if (name.empty()) return false;
    if (!is_name) return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name.c_str()) == 1;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, name.c_str()) == 1;
}

}  // namespace

Awaitable<Result<std::unique_ptr<TlsStream>>> TlsStream::connect(
    std::unique_ptr<SocketStream> socket,
    std::shared_ptr<const TlsClientContext> context,
    std::string server_name) {
    auto state = std::make_unique<State>(std::move(socket), context, context->native());
    SSL_set_connect_state(state->ssl);
    if (!set_server_name(state->ssl, server_name, *context)) {
        co_return Error(ErrorKind::peer, "TLS: unusable server name");
    }
    auto finished = co_await state->run_handshake();
    if (!finished) co_return std::move(finished).error();
    co_return std::unique_ptr<TlsStream>(new TlsStream(std::move(state)));
}

Awaitable<Result<std::size_t>> TlsStream::read_some(ByteSpan into) {
    SLUICE_ASSERT(!into.empty());
    co_await boost::asio::this_coro::throw_if_cancelled(false);
    for (;;) {
        const auto unusable = state_->unusable();
        if (unusable) co_return Error(ErrorKind::peer, "", unusable);
        const auto step = state_->read(into);
        if (step.status == State::Step::Status::done) co_return step.count;
        if (step.status == State::Step::Status::end) co_return std::size_t(0);
        if (step.status == State::Step::Status::failed) co_return step.error();
        const auto ended = co_await state_->wait_for(step.status);
        if (ended) co_return Error(ErrorKind::peer, "", ended);
    }
}

Awaitable<Result<std::size_t>> TlsStream::write_some(ByteView bytes) {
    co_await boost::asio::this_coro::throw_if_cancelled(false);
    for (;;) {
        const auto unusable = state_->unusable();
        if (unusable) co_return Error(ErrorKind::peer, "", unusable);
        const auto step = state_->write(bytes);
        if (step.status == State::Step::Status::done) co_return step.count;
        if (step.status == State::Step::Status::end) co_return step.error();
        if (step.status == State::Step::Status::failed) co_return step.error();
        const auto ended = co_await state_->wait_for(step.status);
        if (ended) co_return Error(ErrorKind::peer, "", ended);
    }
}

ByteStream::Attempt TlsStream::State::attempt(const Step& step) {
    switch (step.status) {
    case Step::Status::done: return {Attempt::Status::done, step.count};
    case Step::Status::wants_read:
    case Step::Status::wants_write: return {Attempt::Status::would_block};
    case Step::Status::end: return {Attempt::Status::end};
    case Step::Status::failed: break;
    }
    return {Attempt::Status::failed, 0, step.code};
}

ByteStream::Attempt TlsStream::try_read(ByteSpan into) {
    SLUICE_ASSERT(!into.empty());
    if (!state_->socket->is_open()) return closed_attempt();
    state_->drained = false;
    return state_->fill(into);
}

// Record after record, so that a count below into.size() means that nothing more is there.
ByteStream::Attempt TlsStream::State::fill(ByteSpan into) {
    std::size_t count = 0;
    while (count < into.size()) {
        const auto step = read(into.subspan(count));
        if (step.status == Step::Status::done) {
            count += step.count;
            continue;
        }
        if (count == 0) return attempt(step);
        // The end or a failure behind these bytes shows itself at the next call.
        const bool waits =
            step.status == Step::Status::wants_read || step.status == Step::Status::wants_write;
        return {Attempt::Status::done, count, {}, !waits};
    }
    return {Attempt::Status::done, count, {}, true};
}

ByteStream::Attempt TlsStream::try_shutdown_send() {
    if (!state_->socket->is_open()) return closed_attempt();
    const auto step = state_->send_close_notify();
    const bool waits = step.status == State::Step::Status::wants_write;
    if (waits) return {Attempt::Status::would_block};
    return state_->socket->try_shutdown_send();
}

void TlsStream::detach() { state_->socket->detach(); }

int TlsStream::native_handle() const { return state_->socket->native_handle(); }

ByteStream::Attempt TlsStream::try_write(ByteView bytes) {
    if (!state_->socket->is_open()) return closed_attempt();
    return State::attempt(state_->write(bytes));
}

Awaitable<error_code> TlsStream::State::finish_sending() {
    co_await boost::asio::this_coro::throw_if_cancelled(false);
    for (;;) {
        const auto step = send_close_notify();
        if (step.status == Step::Status::done || step.status == Step::Status::end) {
            co_return error_code();
        }
        if (step.status == Step::Status::failed) co_return step.code;
        const auto ended = co_await wait_for(step.status);
        if (ended) co_return ended;
    }
}

// A peer that takes nothing keeps nobody waiting: the socket's sending side ends in any case. Only
// a caller that was cancelled may come again and finish.
Awaitable<Result<void>> TlsStream::shutdown_send() {
    co_await boost::asio::this_coro::throw_if_cancelled(false);
    const auto unusable = state_->unusable();
    if (unusable) co_return Error(ErrorKind::peer, "", unusable);
    auto finishing = state_->finish_sending();
    auto waiting = sleep_for(close_notify_time);
    const auto first = co_await race(std::move(finishing), std::move(waiting));
    const auto ended = first.index() == 1 ? timed_out_error() : std::get<0>(first);
    const auto cancellation = co_await boost::asio::this_coro::cancellation_state;
    if (is_cancelled(cancellation) && !state_->close_notify_sent) {
        co_return Error(ErrorKind::peer, "", boost::asio::error::operation_aborted);
    }
    auto closed = co_await state_->socket->shutdown_send();
    if (ended) co_return Error(ErrorKind::peer, "TLS close_notify", ended);
    co_return closed;
}

void TlsStream::close() { state_->socket->close(); }

void TlsStream::set_deadline(Deadline deadline) { state_->socket->set_deadline(deadline); }

std::string TlsStream::peer() const { return state_->socket->peer(); }

std::string TlsStream::peer_address() const { return state_->socket->peer_address(); }

std::string TlsStream::server_name() const {
    const char* name = SSL_get_servername(state_->ssl, TLSEXT_NAMETYPE_host_name);
    return name == nullptr ? "" : name;
}

bool TlsStream::alpn_selected() const {
    const unsigned char* selected = nullptr;
    unsigned int size = 0;
    SSL_get0_alpn_selected(state_->ssl, &selected, &size);
    return as_text(ByteView(selected, size)) == alpn_protocol;
}

std::string TlsStream::version() const { return SSL_get_version(state_->ssl); }

Bytes TlsStream::server_end_point() const {
    const bool server = SSL_is_server(state_->ssl) == 1;
    X509* certificate =
        server ? SSL_get_certificate(state_->ssl) : SSL_get0_peer_certificate(state_->ssl);
    int digest_id = NID_undef;
    if (certificate == nullptr ||
        X509_get_signature_info(certificate, &digest_id, nullptr, nullptr, nullptr) != 1 ||
        digest_id == NID_undef) {
        return {};
    }
    if (digest_id == NID_md5 || digest_id == NID_sha1) digest_id = NID_sha256;
    const EVP_MD* digest = EVP_get_digestbynid(digest_id);
    std::array<unsigned char, EVP_MAX_MD_SIZE> hash;
    unsigned int size = 0;
    if (digest == nullptr || X509_digest(certificate, digest, hash.data(), &size) != 1) return {};
    return Bytes(hash.begin(), hash.begin() + size);
}

}  // namespace sluice::net
