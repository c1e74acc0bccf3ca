#include "auth/api/client.hpp"

#include "common/http/client.hpp"

namespace sluice::auth {

namespace {

LinkApiError no_answer(Error error) {
    return LinkApiError{std::move(error).as(ErrorKind::control_plane), 0, {}};
}

LinkApiError refused(const http::Response& response) {
    ApiError answer = parse_api_error(response.body);
    const bool ours = response.status >= 400 && response.status < 500;
    const ErrorKind kind = ours ? ErrorKind::client : ErrorKind::control_plane;
    std::string detail = "sluice-auth answered " + std::to_string(response.status);
    if (!answer.code.empty()) detail += " " + answer.code + ": " + answer.message;
    return LinkApiError{Error(kind, std::move(detail)), response.status, std::move(answer)};
}

http::Request make_request(const Secret& token,
                           std::string method,
                           std::string target,
                           std::string body) {
    http::Request request;
    request.method = std::move(method);
    request.target = std::move(target);
    request.headers.emplace_back("Authorization", "Bearer " + std::string(token.reveal()));
    if (!body.empty()) request.headers.emplace_back("Content-Type", "application/json");
    request.body = std::move(body);
    return request;
}

http::ClientOptions client_options(const LinkApi::Options& options) {
    return http::ClientOptions{options.base_url, options.ca, options.timeout};
}

std::string session_path(const std::string& session_id) {
    return "/v1/link/sessions/" + http::percent_encode(session_id);
}

}  // namespace

net::Awaitable<Expected<LinkRegistered, LinkApiError>> LinkApi::register_session(
    boost::asio::io_context& context, LinkRegistration registration) const {
    http::Request request =
        make_request(options_.token, "POST", "/v1/link/sessions", encode(registration));
    http::ClientOptions options = client_options(options_);
    auto response = co_await http::send(context, std::move(options), std::move(request));
    if (!response) co_return no_answer(std::move(response).error());
    if (response->status != 201) co_return refused(*response);
    auto registered = parse_link_registered(response->body);
    if (!registered) {
        co_return no_answer(std::move(registered).error().with("answer of sluice-auth"));
    }
    co_return std::move(*registered);
}

net::Awaitable<Expected<void, LinkApiError>> LinkApi::abandon(boost::asio::io_context& context,
                                                              std::string session_id,
                                                              AbandonReason reason) const {
    const char* word = reason == AbandonReason::expired ? "expired" : "abandoned";
    http::Request request = make_request(
        options_.token, "DELETE", session_path(session_id) + "?reason=" + word, std::string());
    http::ClientOptions options = client_options(options_);
    auto response = co_await http::send(context, std::move(options), std::move(request));
    if (!response) co_return no_answer(std::move(response).error());
    if (response->status != 204 && response->status != 404) co_return refused(*response);
    co_return Expected<void, LinkApiError>();
}

net::Awaitable<Expected<void, LinkApiError>> LinkApi::connected(boost::asio::io_context& context,
                                                                std::string session_id,
                                                                std::int64_t backend_pid) const {
    http::Request request = make_request(options_.token,
                                         "POST",
                                         session_path(session_id) + "/connected",
                                         encode_connected(backend_pid));
    http::ClientOptions options = client_options(options_);
    auto response = co_await http::send(context, std::move(options), std::move(request));
    if (!response) co_return no_answer(std::move(response).error());
    if (response->status != 204) co_return refused(*response);
    co_return Expected<void, LinkApiError>();
}

}  // namespace sluice::auth
