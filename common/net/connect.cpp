#include "common/net/connect.hpp"

#include "common/net/cancelled.hpp"
#include "common/net/one_shot.hpp"

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include <vector>

namespace sluice::net {

namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;
using Endpoint = boost::asio::generic::stream_protocol::endpoint;
using Resolver = boost::asio::ip::basic_resolver<tcp, boost::asio::io_context::executor_type>;

struct Resolved {
    error_code code;
    std::vector<Endpoint> endpoints;
};

std::vector<Endpoint> endpoints_of(const Resolver::results_type& entries) {
    std::vector<Endpoint> endpoints;
    for (const auto& entry : entries) endpoints.emplace_back(entry.endpoint());
    return endpoints;
}

// getaddrinfo cannot be interrupted: at the deadline its answer is left to itself.
Awaitable<Resolved> look_up(boost::asio::io_context& context,
                            const std::string& host,
                            std::uint16_t port,
                            Deadline deadline) {
    OneShot<Resolved> answer(context);
    const auto resolver = std::make_shared<Resolver>(context);
    auto on_answer = [resolver, setter = answer.setter()](const error_code& code,
                                                          const Resolver::results_type& entries) {
        Resolved resolved;
        resolved.code = code;
        resolved.endpoints = endpoints_of(entries);
        setter.set(std::move(resolved));
    };
    resolver->async_resolve(
        host, std::to_string(port), Resolver::numeric_service, std::move(on_answer));
    auto resolved = co_await answer.wait(deadline);
    if (resolved) co_return std::move(*resolved);
    resolver->cancel();
    Resolved ended;
    ended.code = std::chrono::steady_clock::now() >= deadline
                     ? error_code(boost::asio::error::timed_out)
                     : error_code(boost::asio::error::operation_aborted);
    co_return ended;
}

// nullopt when `host` is a name.
std::optional<Resolved> literal_address(const std::string& host, std::uint16_t port) {
    Resolved resolved;
    if (host.starts_with('/')) {
        const auto path = host + "/.s.PGSQL." + std::to_string(port);
        if (path.size() > sizeof(sockaddr_un::sun_path) - 1) {
            resolved.code = boost::asio::error::name_too_long;
        } else {
            resolved.endpoints.emplace_back(boost::asio::local::stream_protocol::endpoint(path));
        }
        return resolved;
    }
    error_code code;
    const auto address = boost::asio::ip::make_address(host, code);
    if (code) return std::nullopt;
    resolved.endpoints.emplace_back(tcp::endpoint(address, port));
    return resolved;
}

// The share of the time left that one of several addresses may use, so that a silent first one
// does not take the turn of the others.
Deadline deadline_of_attempt(Deadline deadline, std::size_t attempts_left) {
    if (deadline == no_deadline) return deadline;
    const auto now = std::chrono::steady_clock::now();
    return now + (deadline - now) / static_cast<Duration::rep>(attempts_left);
}

Awaitable<error_code> connect_one(StreamSocket& socket,
                                  const Endpoint& endpoint,
                                  Deadline deadline) {
    const auto state = co_await boost::asio::this_coro::cancellation_state;
    if (is_cancelled(state)) co_return boost::asio::error::operation_aborted;
    DeadlineTimer timer(socket);
    timer.set(deadline);
    if (timer.expired()) co_return boost::asio::error::timed_out;
    const auto done = co_await socket.async_connect(endpoint, use_result);
    const auto code = std::get<0>(done);
    if (code == boost::asio::error::operation_aborted) co_return timer.abort_reason();
    co_return code;
}

Error failure(const std::string& host, std::uint16_t port, error_code code) {
    const bool bare = host.find(':') == std::string::npos;
    return Error(ErrorKind::peer,
                 "connecting to " + (bare ? host : "[" + host + "]") + ":" + std::to_string(port),
                 code);
}

}  // namespace

Awaitable<Result<std::unique_ptr<SocketStream>>> connect(boost::asio::io_context& context,
                                                         std::string host,
                                                         std::uint16_t port,
                                                         Deadline deadline) {
    co_await boost::asio::this_coro::throw_if_cancelled(false);
    auto resolved = literal_address(host, port);
    if (!resolved) resolved = co_await look_up(context, host, port, deadline);
    error_code last = resolved->code;
    std::size_t left = resolved->endpoints.size();
    for (const auto& endpoint : resolved->endpoints) {
        StreamSocket socket(context);
        last = co_await connect_one(socket, endpoint, deadline_of_attempt(deadline, left--));
        if (!last) co_return std::make_unique<SocketStream>(std::move(socket));
        if (last == boost::asio::error::operation_aborted) break;
    }
    if (!last) last = boost::asio::error::host_not_found;
    co_return failure(host, port, last);
}

}  // namespace sluice::net
