#pragma once

#include "common/http/message.hpp"
#include "common/net/socket_stream.hpp"

#include <filesystem>
#include <optional>
#include <string>

namespace sluice::http {

// One request over one fresh connection to `base_url` ("http://host:port" or "https://..."; a path
// there is put before request.target). Answers of any status are values; the body is bounded
// to 8 MiB. Must run on a coroutine on `context`.
//   errors: kind control_plane; detail names the URL without query
struct ClientOptions {
    std::string base_url;
    std::optional<std::filesystem::path> ca;  // https: roots beside the system's
    std::chrono::milliseconds timeout{10'000};
};
net::Awaitable<Result<Response>> send(boost::asio::io_context& context,
                                      ClientOptions options,
                                      Request request);

// The same for programs without an event loop (command line): blocks until the answer.
Result<Response> send_and_wait(ClientOptions options, Request request);

}  // namespace sluice::http
