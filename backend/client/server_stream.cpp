#include "backend/client/server_stream.hpp"

#include "backend/protocol/startup.hpp"
#include "common/net/connect.hpp"
#include "common/net/tls_stream.hpp"

#include <boost/asio/error.hpp>

#include <array>
#include <utility>

namespace sluice::pg {

namespace {

using net::TlsMode;
using StreamResult = Result<std::unique_ptr<net::ByteStream>>;

const std::string& endpoint_of(const ConnectOptions& options) {
    return options.address.empty() ? options.host : options.address;
}

// As libpq does: nothing can listen in between on a Unix socket.
bool can_encrypt(const ConnectOptions& options) {
    return options.tls && options.tls->mode() != TlsMode::disable &&
           !endpoint_of(options).starts_with('/');
}

Error refused(const ConnectOptions& options, std::string reason) {
    return Error(ErrorKind::compute,
                 options.host + ":" + std::to_string(options.port) + ": " + std::move(reason));
}

// Asks for TLS; the server's answer is exactly one byte and nothing behind it may be taken for
// plain text, so no more than that is read (CVE-2021-23222).
net::Awaitable<Result<char>> request_tls(net::ByteStream& stream) {
    Bytes request;
    encode_ssl_request(request);
    auto sent = co_await stream.write_all(request);
    if (!sent) co_return std::move(sent).error();
    std::array<std::uint8_t, 1> answer{};
    const ByteSpan space = answer;
    auto count = co_await stream.read_some(space);
    if (!count) co_return std::move(count).error();
    if (*count == 0) {
        co_return Error(ErrorKind::compute, "closed when TLS was requested", eof_error());
    }
    co_return static_cast<char>(answer[0]);
}

// Without ALPN a server that does not know direct TLS could be talked into another protocol.
net::Awaitable<StreamResult> start_tls(std::unique_ptr<net::SocketStream> socket,
                                       const ConnectOptions& options) {
    std::string server_name = options.host;
    auto tls =
        co_await net::TlsStream::connect(std::move(socket), options.tls, std::move(server_name));
    if (!tls) co_return std::move(tls).error();
    if (options.ssl_negotiation == SslNegotiation::direct && !(*tls)->alpn_selected()) {
        co_return refused(options,
                          "direct SSL connection was established without ALPN protocol "
                          "negotiation extension");
    }
    co_return std::unique_ptr<net::ByteStream>(std::move(*tls));
}

net::Awaitable<StreamResult> negotiate_tls(std::unique_ptr<net::SocketStream> socket,
                                           const ConnectOptions& options,
                                           Encryption encryption) {
    if (options.ssl_negotiation == SslNegotiation::direct) {
        co_return co_await start_tls(std::move(socket), options);
    }
    auto answer = co_await request_tls(*socket);
    if (!answer) co_return std::move(answer).error();
    if (*answer == 'N' && encryption == Encryption::preferred) {
        co_return std::unique_ptr<net::ByteStream>(std::move(socket));
    }
    if (*answer == 'N') co_return refused(options, "the server does not support TLS");
    if (*answer != 'S') co_return refused(options, "the server did not understand the TLS request");
    co_return co_await start_tls(std::move(socket), options);
}

net::Awaitable<Result<std::unique_ptr<net::SocketStream>>> open_socket(
    boost::asio::io_context& context, const ConnectOptions& options) {
    std::string endpoint = endpoint_of(options);
    auto socket =
        co_await net::connect(context, std::move(endpoint), options.port, options.deadline);
    if (socket) (*socket)->set_deadline(options.deadline);
    co_return socket;
}

// Worth a connection without TLS: the handshake failed, rather than our time or our patience.
bool handshake_failed(const Error& error) {
    return !is_timeout(error.code) && error.code != boost::asio::error::operation_aborted;
}

}  // namespace

Encryption first_encryption(const ConnectOptions& options) {
    if (!can_encrypt(options) || options.tls->mode() == TlsMode::allow) return Encryption::none;
    return options.tls->mode() == TlsMode::prefer ? Encryption::preferred : Encryption::required;
}

std::optional<Encryption> other_encryption(const ConnectOptions& options, bool was_encrypted) {
    if (!can_encrypt(options)) return std::nullopt;
    const TlsMode mode = options.tls->mode();
    if (mode == TlsMode::allow && !was_encrypted) return Encryption::required;
    if (mode == TlsMode::prefer && was_encrypted) return Encryption::none;
    return std::nullopt;
}

net::Awaitable<StreamResult> open_server_stream(boost::asio::io_context& context,
                                                const ConnectOptions& options,
                                                Encryption encryption) {
    auto socket = co_await open_socket(context, options);
    if (!socket) co_return std::move(socket).error().as(ErrorKind::compute);
    if (encryption == Encryption::none) {
        co_return std::unique_ptr<net::ByteStream>(std::move(*socket));
    }
    auto stream = co_await negotiate_tls(std::move(*socket), options, encryption);
    if (stream) co_return stream;
    if (encryption == Encryption::preferred && handshake_failed(stream.error())) {
        co_return co_await open_server_stream(context, options, Encryption::none);
    }
    co_return std::move(stream).error().as(ErrorKind::compute);
}

}  // namespace sluice::pg
