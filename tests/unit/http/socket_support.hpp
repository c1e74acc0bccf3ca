#pragma once

#include "common/base/assert.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <thread>

// Plain blocking sockets on the loopback address: the other side of the code under test.
namespace sluice::http {

inline sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

// One connection; a read that gets nothing for 20 s ends like the end of the stream.
class RawConnection {
public:
    explicit RawConnection(int descriptor) : descriptor_(descriptor) {
        const timeval patience{20, 0};
        ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    }
    ~RawConnection() { ::close(descriptor_); }
    RawConnection(const RawConnection&) = delete;
    RawConnection& operator=(const RawConnection&) = delete;

    static int connect(std::uint16_t port) {
        const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const sockaddr_in address = loopback(port);
        SLUICE_ASSERT(::connect(descriptor,
                                reinterpret_cast<const sockaddr*>(&address),
                                sizeof address) == 0);
        return descriptor;
    }

    void write(std::string_view text) {
        while (!text.empty()) {
            const ssize_t count = ::send(descriptor_, text.data(), text.size(), MSG_NOSIGNAL);
            if (count <= 0) return;
            text.remove_prefix(static_cast<std::size_t>(count));
        }
    }

    // Reads until the text so far ends with `end`, or the peer closes. Gives only what is new.
    std::string read_until(std::string_view end) {
        std::string text;
        char c = 0;
        while (!text.ends_with(end) && ::recv(descriptor_, &c, 1, 0) == 1) text += c;
        return text;
    }

    std::string read_all() {
        std::string text;
        char piece[4096];
        for (;;) {
            const ssize_t count = ::recv(descriptor_, piece, sizeof piece, 0);
            if (count <= 0) return text;
            text.append(piece, static_cast<std::size_t>(count));
        }
    }

private:
    int descriptor_;
};

// Accepts one connection, reads a request header, writes the given text and closes. With an empty
// text it answers nothing and waits until the client goes.
class CannedServer {
public:
    explicit CannedServer(std::string text)
        : descriptor_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address = loopback(0);
        socklen_t size = sizeof address;
        SLUICE_ASSERT(::bind(descriptor_, reinterpret_cast<sockaddr*>(&address), size) == 0);
        SLUICE_ASSERT(::listen(descriptor_, 4) == 0);
        ::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&address), &size);
        port_ = ntohs(address.sin_port);
        thread_ = std::thread([this, text = std::move(text)] { serve(text); });
    }
    ~CannedServer() {
        ::shutdown(descriptor_, SHUT_RDWR);  // wakes accept when nobody came
        thread_.join();
        ::close(descriptor_);
    }
    CannedServer(const CannedServer&) = delete;
    CannedServer& operator=(const CannedServer&) = delete;

    std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
    // The header of the request; call it when the exchange is over.
    const std::string& received() const { return received_; }

private:
    void serve(const std::string& text) {
        const int accepted = ::accept4(descriptor_, nullptr, nullptr, SOCK_CLOEXEC);
        if (accepted < 0) return;
        RawConnection connection(accepted);
        received_ = connection.read_until("\r\n\r\n");
        connection.write(text);
        if (text.empty()) connection.read_all();
    }

    int descriptor_;
    std::uint16_t port_ = 0;
    std::string received_;
    std::thread thread_;
};

}  // namespace sluice::http
