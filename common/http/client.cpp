#include "common/http/client.hpp"

#include "common/base/text.hpp"
#include "common/config/host_port.hpp"
#include "common/http/wire.hpp"
#include "common/net/connect.hpp"
#include "common/net/tls_context.hpp"
#include "common/net/tls_stream.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

namespace sluice::http {

namespace beast_http = boost::beast::http;

namespace {

constexpr std::size_t body_bytes_max = 8U << 20U;

struct Url {
    bool encrypted = false;
    config::HostPort address;
    std::string authority;  // as it stands in the Host header
    std::string path;       // without a slash at the end; may be empty
};

std::optional<Url> parse_url(std::string_view text) {
    Url url;
    url.encrypted = text.starts_with("https://");
    if (!url.encrypted && !text.starts_with("http://")) return std::nullopt;
    text.remove_prefix(text.find("://") + 3);
    const std::size_t slash = text.find('/');
    url.authority = std::string(text.substr(0, slash));
    if (slash != std::string_view::npos) url.path = std::string(text.substr(slash));
    while (url.path.ends_with('/')) url.path.pop_back();
    if (url.authority.find('@') != std::string::npos ||
        url.path.find_first_of("?#") != std::string::npos) {
        return std::nullopt;
    }
    auto address = config::HostPort::parse(url.authority);
    if (!address)
        address = config::HostPort::parse(url.authority + (url.encrypted ? ":443" : ":80"));
    if (!address || address->port == 0) return std::nullopt;
    url.address = *address;
    return url;
}

bool is_framing_header(std::string_view name) {
    return equal_ignoring_case(name, "Content-Length") || equal_ignoring_case(name, "Connection") ||
           equal_ignoring_case(name, "Transfer-Encoding") || equal_ignoring_case(name, "Host");
}

// The request as it goes out; nullopt when a part would not stay one part.
std::optional<std::string> serialize(const Request& request, const Url& url) {
    const std::string target = url.path + request.target;
    if (!is_token(request.method) || !is_target(target) || !is_field_value(url.authority))
        return std::nullopt;
    std::string text = request.method + " " + target + " HTTP/1.1\r\n";
    append_header(text, "Host", url.authority);
    for (const auto& [name, value] : request.headers) {
        if (is_framing_header(name)) continue;
        if (!is_token(name) || !is_field_value(value)) return std::nullopt;
        append_header(text, name, value);
    }
    const bool bodiless =
        request.method == "GET" || request.method == "HEAD" || request.method == "DELETE";
    if (!request.body.empty() || !bodiless) {
        append_header(text, "Content-Length", std::to_string(request.body.size()));
    }
    append_header(text, "Connection", "close");
    return text + "\r\n" + request.body;
}

Response to_response(beast_http::response<beast_http::string_body> message) {
    Response response;
    response.status = static_cast<int>(message.result_int());
    for (const auto& field : message)
        response.headers.emplace_back(field.name_string(), field.value());
    response.body = std::move(message.body());
    return response;
}

net::Awaitable<Result<Response>> read_response(net::ByteStream& stream, bool head) {
    boost::beast::flat_buffer buffer;
    for (;;) {
        beast_http::response_parser<beast_http::string_body> parser;
        parser.header_limit(header_bytes_max);
        parser.body_limit(body_bytes_max);
        parser.eager(true);
        parser.skip(head);
        const auto failed = co_await read_message<false>(stream, buffer, parser, Until::end);
        if (failed) co_return Error(ErrorKind::control_plane, "", failed);
        const unsigned status = parser.get().result_int();
        if (status >= 200 || status == 101) co_return to_response(parser.release());
    }
}

using StreamResult = Result<std::unique_ptr<net::ByteStream>>;

net::Awaitable<StreamResult> open_stream(boost::asio::io_context& context,
                                         const Url& url,
                                         const std::optional<std::filesystem::path>& ca,
                                         Deadline deadline) {
    auto socket = co_await net::connect(context, url.address.host, url.address.port, deadline);
    if (!socket) co_return std::move(socket).error();
    (*socket)->set_deadline(deadline);
    if (!url.encrypted) co_return StreamResult(std::move(*socket));
    auto tls = net::TlsClientContext::make(net::TlsMode::verify_full, ca);
    if (!tls) co_return std::move(tls).error();
    auto stream =
        co_await net::TlsStream::connect(std::move(*socket), std::move(*tls), url.address.host);
    if (!stream) co_return std::move(stream).error();
    (*stream)->set_deadline(deadline);
    co_return StreamResult(std::move(*stream));
}

net::Awaitable<Result<Response>> exchange(boost::asio::io_context& context,
                                          const Url& url,
                                          const ClientOptions& options,
                                          const std::string& text,
                                          bool head) {
    const Deadline deadline = std::chrono::steady_clock::now() + options.timeout;
    auto stream = co_await open_stream(context, url, options.ca, deadline);
    if (!stream) co_return std::move(stream).error();
    // A server may answer and close before it has read everything: the answer counts.
    const auto sent = co_await (*stream)->write_all(as_bytes(text));
    auto response = co_await read_response(**stream, head);
    if (!response && !sent) co_return sent.error();
    co_return response;
}

std::string describe(const Request& request, const std::string& base_url) {
    const std::string path = request.target.substr(0, request.target.find('?'));
    return request.method + " " + base_url + path;
}

}  // namespace

net::Awaitable<Result<Response>> send(boost::asio::io_context& context,
                                      ClientOptions options,
                                      Request request) {
    const auto url = parse_url(options.base_url);
    if (!url) {
        co_return Error(ErrorKind::control_plane,
                        "'" + printable(options.base_url) + "' is not an http or https URL");
    }
    const std::string what = describe(request, options.base_url);
    const auto text = serialize(request, *url);
    if (!text) co_return Error(ErrorKind::control_plane, what + ": not valid in HTTP");
    auto response = co_await exchange(context, *url, options, *text, request.method == "HEAD");
    if (response) co_return response;
    co_return std::move(response).error().with(what).as(ErrorKind::control_plane);
}

namespace {

net::Awaitable<void> send_into(std::optional<Result<Response>>& result,
                               boost::asio::io_context& context,
                               ClientOptions options,
                               Request request) {
    auto response = co_await send(context, std::move(options), std::move(request));
    result = std::move(response);
}

}  // namespace

Result<Response> send_and_wait(ClientOptions options, Request request) {
    boost::asio::io_context context(1);
    std::optional<Result<Response>> result;
    boost::asio::co_spawn(context,
                          send_into(result, context, std::move(options), std::move(request)),
                          [](const std::exception_ptr&) {});
    context.run();
    if (!result) return Error(ErrorKind::internal, "HTTP request ended by an exception");
    return *std::move(result);
}

}  // namespace sluice::http
