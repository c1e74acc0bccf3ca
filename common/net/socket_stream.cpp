#include "common/net/socket_stream.hpp"

#include "common/base/assert.hpp"
#include "common/net/cancelled.hpp"

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <utility>

namespace sluice::net {

namespace {

using boost::system::error_code;

constexpr int keepalive_idle_seconds = 60;
constexpr int keepalive_interval_seconds = 10;
constexpr int keepalive_probes = 3;
constexpr int user_timeout_milliseconds = 90'000;

error_code last_error() { return {errno, boost::system::system_category()}; }

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

Error peer_error(error_code code) { return Error(ErrorKind::peer, "", code); }

bool is_internet(int family) { return family == AF_INET || family == AF_INET6; }

// A peer that vanished without a word is noticed, idle or not. A socket that refuses an option
// still works, so the results are not looked at.
void set_tcp_options(int fd) {
    const auto set = [fd](int level, int option, int value) {
        ::setsockopt(fd, level, option, &value, sizeof value);
    };
    set(IPPROTO_TCP, TCP_NODELAY, 1);
    set(SOL_SOCKET, SO_KEEPALIVE, 1);
    set(IPPROTO_TCP, TCP_KEEPIDLE, keepalive_idle_seconds);
    set(IPPROTO_TCP, TCP_KEEPINTVL, keepalive_interval_seconds);
    set(IPPROTO_TCP, TCP_KEEPCNT, keepalive_probes);
    set(IPPROTO_TCP, TCP_USER_TIMEOUT, user_timeout_milliseconds);
}

// An IPv4 client of a dual-stack socket keeps its IPv4 name.
boost::asio::ip::address plain_address(const boost::asio::ip::address& address) {
    if (!address.is_v6() || !address.to_v6().is_v4_mapped()) return address;
    return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6());
}

std::string describe(const boost::asio::generic::stream_protocol::endpoint& endpoint) {
    if (endpoint.protocol().family() == AF_UNIX) return "unix";
    if (!is_internet(endpoint.protocol().family())) return "";
    boost::asio::ip::tcp::endpoint internet;
    internet.resize(endpoint.size());
    std::memcpy(internet.data(), endpoint.data(), endpoint.size());
    const auto address = plain_address(internet.address());
    const auto text = address.is_v6() ? "[" + address.to_string() + "]" : address.to_string();
    return text + ":" + std::to_string(internet.port());
}

}  // namespace

SocketStream::SocketStream(StreamSocket socket) : socket_(std::move(socket)), deadline_(socket_) {
    error_code code;
    socket_.non_blocking(true, code);
    const auto endpoint = socket_.remote_endpoint(code);
    if (code) return;
    peer_ = describe(endpoint);
    if (is_internet(endpoint.protocol().family())) set_tcp_options(socket_.native_handle());
}

SocketStream::~SocketStream() {
    if (detached_ >= 0) ::close(detached_);
}

// Asio tries the read first unless the last one came back short, then waits for the edge.
Awaitable<Result<std::size_t>> SocketStream::read_some(ByteSpan into) {
    SLUICE_ASSERT(!into.empty());
    co_await boost::asio::this_coro::throw_if_cancelled(false);
    if (expired()) co_return peer_error(boost::asio::error::timed_out);
    const auto state = co_await boost::asio::this_coro::cancellation_state;
    if (is_cancelled(state)) {
        const auto attempt = try_read(into);
        if (attempt.status == Attempt::Status::would_block) {
            co_return peer_error(boost::asio::error::operation_aborted);
        }
        if (attempt.status == Attempt::Status::failed) co_return peer_error(attempt.error);
        co_return attempt.count;
    }
    const auto buffer = boost::asio::buffer(into.data(), into.size());
    const auto done = co_await socket_.async_read_some(buffer, use_result);
    const auto& [code, count] = done;
    if (!code) co_return count;
    if (code == boost::asio::error::eof) co_return std::size_t(0);
    const bool aborted = code == boost::asio::error::operation_aborted;
    co_return peer_error(aborted ? deadline_.abort_reason() : code);
}

Awaitable<Result<std::size_t>> SocketStream::write_some(ByteView bytes) {
    co_await boost::asio::this_coro::throw_if_cancelled(false);
    if (expired()) co_return peer_error(boost::asio::error::timed_out);
    for (;;) {
        const auto attempt = try_write(bytes);
        if (attempt.status == Attempt::Status::done) co_return attempt.count;
        if (attempt.status == Attempt::Status::failed) co_return peer_error(attempt.error);
        const auto ended = co_await wait(boost::asio::socket_base::wait_write);
        if (ended) co_return peer_error(ended);
    }
}

Awaitable<error_code> SocketStream::wait(boost::asio::socket_base::wait_type type) {
    co_await boost::asio::this_coro::throw_if_cancelled(false);
    if (expired()) co_return boost::asio::error::timed_out;
    const auto state = co_await boost::asio::this_coro::cancellation_state;
    if (is_cancelled(state) || !socket_.is_open()) co_return boost::asio::error::operation_aborted;
    const auto done = co_await socket_.async_wait(type, use_result);
    const auto code = std::get<0>(done);
    if (code == boost::asio::error::operation_aborted) co_return deadline_.abort_reason();
    co_return code;
}

ByteStream::Attempt SocketStream::try_read(ByteSpan into) {
    SLUICE_ASSERT(!into.empty());
    if (!is_open()) return {Attempt::Status::failed, 0, boost::asio::error::operation_aborted};
    for (;;) {
        const auto received = ::recv(native_handle(), into.data(), into.size(), 0);
        const auto count = static_cast<std::size_t>(received);
        if (received > 0) return {Attempt::Status::done, count, {}, count == into.size()};
        if (received == 0) return {Attempt::Status::end};
        if (errno == EINTR) continue;
        if (would_block(errno)) return {Attempt::Status::would_block};
        return {Attempt::Status::failed, 0, last_error()};
    }
}

ByteStream::Attempt SocketStream::try_write(ByteView bytes) {
    if (!is_open()) return {Attempt::Status::failed, 0, boost::asio::error::operation_aborted};
    for (;;) {
        const auto count = ::send(native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (count >= 0) return {Attempt::Status::done, static_cast<std::size_t>(count)};
        if (errno == EINTR) continue;
        if (would_block(errno)) return {Attempt::Status::would_block};
        return {Attempt::Status::failed, 0, last_error()};
    }
}

ByteStream::Attempt SocketStream::try_shutdown_send() {
    if (!is_open()) return {Attempt::Status::failed, 0, boost::asio::error::operation_aborted};
    if (::shutdown(native_handle(), SHUT_WR) != 0) {
        return {Attempt::Status::failed, 0, last_error()};
    }
    return {Attempt::Status::done};
}

Awaitable<Result<void>> SocketStream::shutdown_send() {
    error_code code;
    socket_.shutdown(boost::asio::socket_base::shutdown_send, code);
    if (code) co_return peer_error(code);
    co_return Result<void>();
}

void SocketStream::close() {
    if (detached_ >= 0) {
        ::close(std::exchange(detached_, -1));
        return;
    }
    deadline_.stop();
    error_code ignored;
    socket_.close(ignored);
}

void SocketStream::detach() {
    deadline_.stop();
    error_code failed;
    detached_ = socket_.release(failed);
    if (failed) detached_ = -1;
}

int SocketStream::native_handle() const {
    return detached_ >= 0 ? detached_ : socket_.native_handle();
}

void SocketStream::set_deadline(Deadline deadline) { deadline_.set(deadline); }

std::string SocketStream::peer() const { return peer_; }

std::string SocketStream::peer_address() const {
    const auto colon = peer_.rfind(':');
    if (colon == std::string::npos) return "";
    if (peer_.front() == '[') return peer_.substr(1, colon - 2);
    return peer_.substr(0, colon);
}

}  // namespace sluice::net
