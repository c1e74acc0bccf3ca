#pragma once

#include "backend/client/connect_options.hpp"
#include "common/net/byte_stream.hpp"

#include <memory>
#include <optional>

namespace sluice::pg {

// How a connection is to be protected.
enum class Encryption {
    none,
    preferred,  // TLS, or without when the server has none or the handshake fails
    required,
};

// What to begin with, and what to try after a server turned us away on a connection that was
// encrypted or not; nullopt: that was all.
Encryption first_encryption(const ConnectOptions& options);
std::optional<Encryption> other_encryption(const ConnectOptions& options, bool was_encrypted);

// Connects and negotiates TLS; the stream is ready for a startup packet or a cancel request. Its
// deadline is that of the options.
//   errors: kind compute
net::Awaitable<Result<std::unique_ptr<net::ByteStream>>> open_server_stream(
    boost::asio::io_context& context, const ConnectOptions& options, Encryption encryption);

}  // namespace sluice::pg
