#include "common/net/listener.hpp"

#include "common/base/startup_error.hpp"
#include "common/net/backoff.hpp"
#include "common/observability/log.hpp"

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <fcntl.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <random>
#include <utility>

namespace sluice::net {

namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;
using AcceptorSocket =
    boost::asio::basic_socket_acceptor<tcp, boost::asio::io_context::executor_type>;
using ReusePort = boost::asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

// The kernel lowers it to net.core.somaxconn.
constexpr int backlog = 4096;
// Connections taken in one turn of the loop, so that those already open get theirs.
constexpr int accepts_in_a_row = 64;

Backoff::Limits accept_backoff() {
    Backoff::Limits limits;
    limits.first = std::chrono::milliseconds(20);
    limits.most = std::chrono::milliseconds(1000);
    return limits;
}

[[noreturn]] void fail(const config::HostPort& address, const std::string& reason) {
    throw StartupError("cannot listen on " + address.to_string() + ": " + reason);
}

// All addresses of the host; "" and "*" mean every interface.
std::vector<tcp::endpoint> resolve(const config::HostPort& address) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    const bool any = address.host.empty() || address.host == "*";
    addrinfo* found = nullptr;
    const int status = ::getaddrinfo(
        any ? nullptr : address.host.c_str(), std::to_string(address.port).c_str(), &hints, &found);
    if (status != 0) fail(address, ::gai_strerror(status));
    std::vector<tcp::endpoint> endpoints;
    for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
        tcp::endpoint endpoint;
        endpoint.resize(entry->ai_addrlen);
        std::memcpy(endpoint.data(), entry->ai_addr, entry->ai_addrlen);
        if (std::find(endpoints.begin(), endpoints.end(), endpoint) == endpoints.end()) {
            endpoints.push_back(endpoint);
        }
    }
    ::freeaddrinfo(found);
    return endpoints;
}

enum class Share { yes, no };

error_code bind_to(AcceptorSocket& socket, const tcp::endpoint& endpoint, Share share) {
    error_code code;
    socket.open(endpoint.protocol(), code);
    if (!code) socket.set_option(tcp::acceptor::reuse_address(true), code);
    if (!code && share == Share::yes) socket.set_option(ReusePort(true), code);
    if (!code && endpoint.address().is_v6()) {
        socket.set_option(boost::asio::ip::v6_only(true), code);
    }
    if (!code) socket.bind(endpoint, code);
    return code;
}

// SO_REUSEPORT would let a second process of the same user take half of the connections without
// a word. A socket without it finds out.
error_code port_in_use(boost::asio::io_context& context, const tcp::endpoint& endpoint) {
    if (endpoint.port() == 0) return {};
    AcceptorSocket probe(context);
    return bind_to(probe, endpoint, Share::no);
}

// An address family that this machine does not have; the host's other addresses may do.
bool is_missing_family(const error_code& code) {
    return code == boost::asio::error::address_family_not_supported ||
           code == boost::system::errc::address_not_available;
}

// These end when somebody frees something; all other failures concern one connection only.
bool is_shortage(int error) {
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

bool is_one_connection(int error) {
    return error == ECONNABORTED || error == EINTR || error == EPROTO || error == EPERM ||
           error == ENETDOWN || error == ENETUNREACH || error == EHOSTDOWN ||
           error == EHOSTUNREACH || error == ENOPROTOOPT || error == ENONET || error == EOPNOTSUPP;
}

}  // namespace

// One listening socket of one worker. Its handlers keep it alive.
struct Listener::Acceptor : std::enable_shared_from_this<Listener::Acceptor> {
    Acceptor(boost::asio::io_context& io,
             std::size_t worker_index,
             std::shared_ptr<const OnAccept> callback)
        : context(io),
          worker(worker_index),
          socket(io),
          pause(io),
          on_accept(std::move(callback)),
          random(std::random_device()()) {}

    void wait() {
        socket.async_wait(tcp::acceptor::wait_read, [self = shared_from_this()](error_code code) {
            if (!code) self->accept_all();
        });
    }

    void accept_all() {
        for (int i = 0; i < accepts_in_a_row; ++i) {
            if (!socket.is_open()) return;
            if (!accept_one()) return;
        }
        wait();
    }

    // False when the loop goes on later.
    bool accept_one() {
        const int fd =
            ::accept4(socket.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            if (backoff.failures() > 0) log.info("accepting connections again");
            backoff.reset();
            deliver(fd);
            return true;
        }
        if (is_one_connection(errno)) return true;
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            wait();
        } else {
            wait_out(errno);
        }
        return false;
    }

    void wait_out(int error) {
        if (backoff.failures() == 0) {
            const error_code reason(error, boost::system::system_category());
            log.error(is_shortage(error) ? "out of resources for new connections, waiting"
                                         : "cannot accept connections, waiting",
                      {{"reason", reason.message()}});
        }
        std::uniform_int_distribution<std::uint64_t> any;
        pause.expires_after(backoff.next(any(random)));
        pause.async_wait([self = shared_from_this()](error_code code) {
            if (!code) self->accept_all();
        });
    }

    void deliver(int fd) {
        error_code code;
        StreamSocket accepted(context);
        accepted.assign({family, IPPROTO_TCP}, fd, code);
        if (code) {
            ::close(fd);
            return;
        }
        auto stream = std::make_unique<SocketStream>(std::move(accepted));
        const std::lock_guard lock(delivery);
        if (on_accept) (*on_accept)(worker, std::move(stream));
    }

    // What the kernel has completed a handshake for is delivered, not reset.
    void close() {
        for (int i = 0; i < backlog && socket.is_open(); ++i) {
            const int fd =
                ::accept4(socket.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (fd < 0) break;
            deliver(fd);
        }
        error_code ignored;
        socket.close(ignored);
        pause.cancel();
    }

    boost::asio::io_context& context;
    const std::size_t worker;
    AcceptorSocket socket;
    int family = AF_INET;
    boost::asio::steady_timer pause;
    std::mutex delivery;  // held during on_accept, so that ~Listener can wait for its end
    std::shared_ptr<const OnAccept> on_accept;
    Backoff backoff{accept_backoff()};
    std::minstd_rand random;
    log::Log log;
};

Listener::Listener(IoThreads& threads, const config::HostPort& address, OnAccept on_accept) {
    const auto callback = std::make_shared<const OnAccept>(std::move(on_accept));
    const auto log = log::Log().with("listen", address.to_string());
    error_code missing_family;
    for (auto endpoint : resolve(address)) {
        if (port_ != 0) endpoint.port(port_);
        auto code = port_in_use(threads.context(0), endpoint);
        std::vector<std::shared_ptr<Acceptor>> made;
        for (std::size_t worker = 0; !code && worker < threads.size(); ++worker) {
            auto acceptor = std::make_shared<Acceptor>(threads.context(worker), worker, callback);
            acceptor->family = endpoint.protocol().family();
            acceptor->log = log;
            code = bind_to(acceptor->socket, endpoint, Share::yes);
            if (!code) acceptor->socket.native_non_blocking(true, code);
            if (!code) acceptor->socket.listen(backlog, code);
            // Port 0: the first acceptor gets one from the kernel, the others join it.
            if (!code) endpoint.port(acceptor->socket.local_endpoint(code).port());
            made.push_back(std::move(acceptor));
        }
        if (is_missing_family(code)) {
            missing_family = code;
            continue;
        }
        if (code) fail(address, code.message());
        port_ = endpoint.port();
        acceptors_.insert(acceptors_.end(), made.begin(), made.end());
    }
    if (acceptors_.empty()) fail(address, missing_family.message());
}

Listener::~Listener() {
    for (const auto& acceptor : acceptors_) {
        const std::lock_guard lock(acceptor->delivery);
        acceptor->on_accept.reset();
    }
    close();
}

void Listener::start() {
    for (const auto& acceptor : acceptors_) {
        boost::asio::post(acceptor->context, [acceptor] { acceptor->wait(); });
    }
}

void Listener::close() {
    for (const auto& acceptor : acceptors_) {
        boost::asio::post(acceptor->context, [acceptor] { acceptor->close(); });
    }
}

}  // namespace sluice::net
