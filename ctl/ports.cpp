#include "ctl/ports.hpp"

#include "common/base/startup_error.hpp"
#include "common/crypto/random_bytes.hpp"

#include <fmt/format.h>

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

namespace sluice::ctl {

namespace {

constexpr int attempts_max = 1000;

bool taken(const std::vector<std::uint16_t>& chosen, std::uint16_t port) {
    return std::find(chosen.begin(), chosen.end(), port) != chosen.end();
}

}  // namespace

Ports choose_ports(const PortWishes& wishes,
                   const std::function<std::uint16_t()>& next_candidate,
                   const std::function<bool(std::uint16_t)>& is_free) {
    Ports ports;
    std::vector<std::uint16_t> chosen;
    const auto take = [&](const PortField& field, std::uint16_t port) {
        if (taken(chosen, port)) {
            throw StartupError(fmt::format("port {} is wanted twice; see {}", port, field.option));
        }
        ports.*field.member = port;
        chosen.push_back(port);
    };
    for (std::size_t i = 0; i < port_fields.size(); ++i) {
        if (wishes[i]) take(port_fields[i], *wishes[i]);
    }
    for (std::size_t i = 0; i < port_fields.size(); ++i) {
        if (wishes[i]) continue;
        if (!next_candidate) {
            take(port_fields[i], ports.*port_fields[i].member);
            continue;
        }
        std::uint16_t port = next_candidate();
        for (int attempt = 0; taken(chosen, port) || !is_free(port); ++attempt) {
            if (attempt == attempts_max) throw StartupError("found no free port");
            port = next_candidate();
        }
        take(port_fields[i], port);
    }
    return ports;
}

std::uint16_t random_port() {
    return static_cast<std::uint16_t>(12'000 + crypto::random_u64() % 20'000);
}

std::optional<std::string> port_problem(const config::HostPort& address) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICHOST | AI_PASSIVE;
    addrinfo* found = nullptr;
    if (::getaddrinfo(address.host.c_str(), nullptr, &hints, &found) != 0) return std::nullopt;
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);

    // The port is the same field of both address families.
    reinterpret_cast<sockaddr_in*>(found->ai_addr)->sin_port = htons(address.port);
    const int descriptor = ::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return std::strerror(errno);
    const int yes = 1;
    ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    const bool bound =
        ::bind(descriptor, found->ai_addr, found->ai_addrlen) == 0 && ::listen(descriptor, 1) == 0;
    const int reason = errno;
    ::close(descriptor);
    if (bound) return std::nullopt;
    return reason == EADDRINUSE ? "in use by another program" : std::strerror(reason);
}

}  // namespace sluice::ctl
