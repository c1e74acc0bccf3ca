#pragma once

#include "auth/api/messages.hpp"
#include "common/base/secret.hpp"
#include "common/net/asio.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

namespace sluice::auth {

// Why sluice-auth did not do what was asked.
struct LinkApiError {
    // kind client: sluice-auth answered and refuses (4xx); kind control_plane: unreachable, 5xx or
    // an answer that makes no sense. The detail is for the log.
    Error error;
    int status = 0;  // 0: no answer
    // What sluice-auth says about it ("target_required", "id_exists", ...); the message may be
    // shown to the client. Empty when there was no answer.
    ApiError answer;
};

// The calls that a proxy makes to sluice-auth. Immutable; any thread, `context` is the caller's.
class LinkApi {
public:
    struct Options {
        std::string base_url;  // "http://127.0.0.1:8480"
        Secret token;
        std::optional<std::filesystem::path> ca;
        std::chrono::milliseconds timeout{5'000};
    };
    explicit LinkApi(Options options) : options_(std::move(options)) {}

    enum class AbandonReason { abandoned, expired };

    // Tells sluice-auth of a new link. Not repeated by itself.
    net::Awaitable<Expected<LinkRegistered, LinkApiError>> register_session(
        boost::asio::io_context& context, LinkRegistration registration) const;
    // The waiting client is gone, or its time is up. An unknown id is no error.
    net::Awaitable<Expected<void, LinkApiError>> abandon(boost::asio::io_context& context,
                                                         std::string session_id,
                                                         AbandonReason reason) const;
    // The approved client is connected to the compute.
    net::Awaitable<Expected<void, LinkApiError>> connected(boost::asio::io_context& context,
                                                           std::string session_id,
                                                           std::int64_t backend_pid) const;

private:
    Options options_;
};

}  // namespace sluice::auth
