#include "backend/server/server_handshake.hpp"

#include "backend/protocol/startup_negotiation.hpp"
#include "backend/server/farewell.hpp"
#include "common/net/tls_stream.hpp"

#include <array>

namespace sluice::pg {

namespace {

using Action = StartupNegotiation::Action;

// One read of this size takes a whole startup packet of any usual driver.
constexpr std::size_t read_bytes = 1024;

// What ended the connection, from the point of view of a server: the client is the peer.
Error handshake_error(Error error) {
    if (is_timeout(error.code)) return std::move(error).as(ErrorKind::limit);
    if (is_disconnect(error.code)) return std::move(error).as(ErrorKind::client_disconnect);
    return std::move(error).as(ErrorKind::client);
}

// Performs what StartupNegotiation asks for. Lives in the frame of server_handshake().
class Handshake {
public:
    Handshake(std::unique_ptr<net::SocketStream> socket, ServerHandshakeOptions options)
        : options_(std::move(options)), socket_(std::move(socket)), negotiation_(policy()) {
        stream().set_deadline(options_.deadline);
    }

    net::Awaitable<Result<std::optional<Opening>>> run() {
        for (;;) {
            Action action = negotiation_.step(received_);
            if (auto* done = std::get_if<StartupNegotiation::Done>(&action)) {
                co_return std::optional<Opening>(finish(std::move(*done)));
            }
            if (std::get_if<StartupNegotiation::Read>(&action) != nullptr) {
                auto count = co_await read_more();
                if (!count) co_return co_await give_up(std::move(count).error());
                if (*count == 0 && silent()) co_return std::optional<Opening>();
                if (*count == 0) co_return end_of_stream();
                continue;
            }
            auto performed = co_await perform(std::move(action));
            if (!performed) co_return std::move(performed).error();
        }
    }

private:
    StartupNegotiation::Policy policy() const {
        return {options_.tls != nullptr, options_.tls_required, options_.insecure_text};
    }
    net::ByteStream& stream() {
        return tls_ ? static_cast<net::ByteStream&>(*tls_)
                    : static_cast<net::ByteStream&>(*socket_);
    }
    // Nothing was ever received.
    bool silent() const { return received_.empty() && !spoken_; }
    bool is_probe(const Error& error) const {
        return silent() && is_disconnect(error.code) && !is_timeout(error.code);
    }
    static Error end_of_stream() {
        return Error(ErrorKind::client_disconnect, "closed during the handshake", eof_error());
    }

    net::Awaitable<Result<std::optional<Opening>>> give_up(Error error) {
        std::optional<ErrorFields> fields;
        if (options_.last_words) fields = options_.last_words(error);
        if (fields) {
            co_await send_error_and_close(stream(), std::move(*fields));
        } else if (is_probe(error)) {
            co_return std::optional<Opening>();
        }
        co_return handshake_error(std::move(error));
    }

    net::Awaitable<Result<std::size_t>> read_more() {
        const std::size_t before = received_.size();
        received_.resize(before + read_bytes);
        const ByteSpan space = ByteSpan(received_).subspan(before);
        auto count = co_await stream().read_some(space);
        received_.resize(before + (count ? *count : 0));
        co_return count;
    }

    net::Awaitable<Result<void>> perform(Action action) {
        spoken_ = true;
        if (auto* refusal = std::get_if<StartupNegotiation::Refuse>(&action)) {
            if (refusal->fields)
                co_await send_error_and_close(stream(), std::move(*refusal->fields));
            co_return std::move(refusal->error);
        }
        if (auto* answer = std::get_if<StartupNegotiation::Answer>(&action)) {
            auto sent = co_await send_answer(answer->byte);
            if (!sent) co_return handshake_error(std::move(sent).error());
            if (!answer->start_tls) co_return Result<void>();
            co_return co_await accept_tls(net::TlsStream::Negotiation::ssl_request);
        }
        co_return co_await accept_tls(net::TlsStream::Negotiation::direct);
    }

    net::Awaitable<Result<void>> send_answer(char byte) {
        received_.clear();
        const std::array<std::uint8_t, 1> answer = {static_cast<std::uint8_t>(byte)};
        co_return co_await stream().write_all(answer);
    }

    net::Awaitable<Result<void>> accept_tls(net::TlsStream::Negotiation negotiation) {
        Bytes client_hello = std::exchange(received_, Bytes());
        auto accepted = co_await net::TlsStream::accept(
            std::move(socket_), options_.tls, std::move(client_hello), negotiation);
        if (!accepted) {
            co_return handshake_error(std::move(accepted).error());
        }
        tls_ = std::move(*accepted);
        negotiation_.on_tls();
        if (options_.on_tls) options_.on_tls();
        co_return Result<void>();
    }

    Opening finish(StartupNegotiation::Done done) {
        const auto end = received_.begin() + static_cast<std::ptrdiff_t>(done.size);
        Opening opening;
        opening.received.assign(end, received_.end());
        if (std::holds_alternative<StartupMessage>(done.request)) {
            opening.startup_bytes.assign(received_.begin(), end);
        }
        opening.request = std::move(done.request);
        if (tls_) {
            opening.server_name = tls_->server_name();
            opening.tls_version = tls_->version();
            opening.stream = std::move(tls_);
        } else {
            opening.stream = std::move(socket_);
        }
        return opening;
    }

    ServerHandshakeOptions options_;
    std::unique_ptr<net::SocketStream> socket_;  // until TLS takes it
    std::unique_ptr<net::TlsStream> tls_;
    StartupNegotiation negotiation_;
    Bytes received_;  // and not consumed
    bool spoken_ = false;
};

}  // namespace

net::Awaitable<Result<std::optional<Opening>>> server_handshake(
    std::unique_ptr<net::SocketStream> socket, ServerHandshakeOptions options) {
    Handshake handshake(std::move(socket), std::move(options));
    co_return co_await handshake.run();
}

}  // namespace sluice::pg
