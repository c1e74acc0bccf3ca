#pragma once

#include "tests/unit/net/tls_fixture.hpp"

#include <chrono>
#include <string>
#include <string_view>

namespace sluice::net {

inline Deadline soon() { return std::chrono::steady_clock::now() + std::chrono::milliseconds(3); }

inline Awaitable<Result<std::string>> read_text(ByteStream& stream) {
    Bytes buffer(100);
    const auto count = co_await stream.read_some(buffer);
    if (!count) co_return count.error();
    co_return std::string(as_text(ByteView(buffer).first(*count)));
}

// Both ends of a TLS stream.
class TlsStreamFixture : public ::testing::Test {
protected:
    boost::asio::io_context context;
    std::unique_ptr<TlsStream> client;
    std::unique_ptr<TlsStream> server;

    void establish(HandshakeOptions options = {}) { establish(test::tcp_pair(context), options); }
    void establish(test::StreamPair pair, HandshakeOptions options = {}) {
        auto shaken = shake_hands(context, std::move(pair), std::move(options));
        ASSERT_TRUE(shaken.client.has_value()) << shaken.client.error().message();
        ASSERT_TRUE(shaken.server.has_value()) << shaken.server.error().message();
        client = std::move(*shaken.client);
        server = std::move(*shaken.server);
    }
    void establish_with_small_buffers() { establish(test::narrow_pair(context)); }
    std::string read(ByteStream& stream) {
        const auto text = test::run_coroutine(context, read_text(stream));
        return text ? *text : text.error().message();
    }
    void write(ByteStream& stream, std::string_view text) {
        ASSERT_TRUE(test::run_coroutine(context, stream.write_all(as_bytes(text))).has_value());
    }
};

}  // namespace sluice::net
