#include "common/http/server.hpp"

#include "common/base/text.hpp"
#include "common/http/wire.hpp"
#include "common/net/listener.hpp"
#include "common/net/tls_stream.hpp"
#include "common/observability/log.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <time.h>

#include <array>
#include <atomic>
#include <exception>
#include <set>
#include <vector>

namespace sluice::http {

namespace beast_http = boost::beast::http;
using boost::system::error_code;
using std::chrono::seconds;
using std::chrono::steady_clock;

namespace {

constexpr seconds handshake_time_max{10};
constexpr seconds request_time_max{30};
constexpr seconds response_time_max{30};
constexpr seconds idle_time_max{60};
constexpr seconds linger_time_max{2};
constexpr std::size_t linger_bytes_max = 256U << 10U;
constexpr std::size_t joined_body_max = 64U << 10U;

using Parser = beast_http::request_parser<beast_http::string_body>;

// What shapes the answer to one request beside the Response itself.
struct Framing {
    unsigned version = 11;
    bool head = false;
    bool keep_alive = false;
};

std::string http_date() {
    const std::time_t now = ::time(nullptr);
    std::tm parts{};
    ::gmtime_r(&now, &parts);
    std::array<char, 64> text{};
    std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    return text.data();
}

// The server itself frames messages.
bool is_framing_header(std::string_view name) {
    return equal_ignoring_case(name, "Content-Length") || equal_ignoring_case(name, "Connection") ||
           equal_ignoring_case(name, "Transfer-Encoding");
}

bool has_body(int status) { return status >= 200 && status != 204 && status != 304; }

std::string status_line(int status) {
    const auto known = beast_http::int_to_status(static_cast<unsigned>(status));
    return "HTTP/1.1 " + std::to_string(status) + " " +
           std::string(beast_http::obsolete_reason(known)) + "\r\n";
}

// Headers that would break the framing or smuggle in others are left out and logged.
void append_own_headers(std::string& to, const Response& response) {
    for (const auto& [name, value] : response.headers) {
        if (is_framing_header(name)) continue;
        if (is_token(name) && is_field_value(value)) {
            append_header(to, name, value);
        } else {
            log::Log().error("response header left out: not valid in HTTP",
                             {{"name", name}, {"value", value}});
        }
    }
}

std::string serialize_header(const Response& response, const Framing& framing) {
    std::string text = status_line(response.status);
    append_own_headers(text, response);
    append_header(text, "Date", http_date());
    if (has_body(response.status)) {
        append_header(text, "Content-Length", std::to_string(response.body.size()));
    }
    if (!framing.keep_alive) append_header(text, "Connection", "close");
    if (framing.keep_alive && framing.version < 11) append_header(text, "Connection", "keep-alive");
    return text + "\r\n";
}

bool wants_json(const Request& request) {
    const auto mentions_json = [&](std::string_view name) {
        const auto value = request.header(name);
        return value && value->find("application/json") != std::string_view::npos;
    };
    return mentions_json("Accept") || mentions_json("Content-Type");
}

std::string_view error_code_word(int status) {
    switch (status) {
    case 400: return "bad_request";
    case 404: return "not_found";
    case 405: return "method_not_allowed";
    case 408: return "request_timeout";
    case 413: return "body_too_large";
    case 431: return "header_too_large";
    default: return "internal_error";
    }
}

// `message` is a literal of ours: it goes into JSON as it is.
Response error_response(const Request& request, int status, const std::string& message) {
    if (!wants_json(request)) return Response::text(status, message + "\n");
    return Response::json(status,
                          R"({"error":{"code":")" + std::string(error_code_word(status)) +
                              R"(","message":")" + message + R"("}})");
}

// The answer to a message that the parser refused; nullopt when there is nobody to answer.
std::optional<Response> refusal(const error_code& code, bool began) {
    const Request unknown;
    if (code == beast_http::error::body_limit)
        return error_response(unknown, 413, "request body is too large");
    if (code == beast_http::error::header_limit)
        return error_response(unknown, 431, "request header is too large");
    if (is_timeout(code)) {
        if (!began) return std::nullopt;
        return error_response(unknown, 408, "request took too long");
    }
    const error_code any_http_error = beast_http::error::bad_method;
    if (code == beast_http::error::end_of_stream || code == beast_http::error::partial_message ||
        code.category() != any_http_error.category()) {
        return std::nullopt;
    }
    return error_response(unknown, 400, "malformed HTTP request");
}

bool is_clean_segment(std::string_view segment) {
    if (segment == "." || segment == ".." || !is_utf8(segment)) return false;
    for (const char c : segment) {
        if (static_cast<unsigned char>(c) < 0x20 || c == '\x7f') return false;
    }
    return true;
}

// No "..", no control character, and every percent sign encodes something.
bool is_clean_path(std::string_view path) {
    for (std::size_t at = path.find('%'); at != std::string_view::npos;
         at = path.find('%', at + 1)) {
        if (percent_decode(path.substr(at, 3)).size() != 1) return false;
    }
    const std::string decoded = percent_decode(path);
    std::string_view rest = decoded;
    while (!rest.empty()) {
        const std::size_t slash = rest.find('/');
        if (!is_clean_segment(rest.substr(0, slash))) return false;
        rest.remove_prefix(slash == std::string_view::npos ? rest.size() : slash + 1);
    }
    return true;
}

// "http://host/path" (the form for proxies) becomes "/path".
std::string_view origin_form(std::string_view target) {
    const std::size_t scheme = target.find("://");
    if (target.starts_with('/') || scheme == std::string_view::npos) return target;
    const std::size_t slash = target.find('/', scheme + 3);
    return slash == std::string_view::npos ? "/" : target.substr(slash);
}

std::string_view path_of(std::string_view target) { return target.substr(0, target.find('?')); }

Request to_request(beast_http::request<beast_http::string_body> message,
                   const net::ByteStream& stream) {
    Request request;
    request.method = std::string(message.method_string());
    request.target = std::string(origin_form({message.target().data(), message.target().size()}));
    request.path = percent_decode(path_of(request.target));
    const std::size_t query = request.target.find('?');
    if (query != std::string::npos)
        request.query = parse_form(std::string_view(request.target).substr(query + 1));
    for (const auto& field : message) {
        request.headers.emplace_back(field.name_string(), field.value());
    }
    request.body = std::move(message.body());
    request.peer_address = stream.peer_address();
    request.encrypted = stream.encrypted();
    return request;
}

Request without_body(const Request& request) {
    Request copy;
    copy.method = request.method;
    copy.target = request.target;
    copy.path = request.path;
    copy.query = request.query;
    copy.parameters = request.parameters;
    copy.headers = request.headers;
    copy.peer_address = request.peer_address;
    copy.encrypted = request.encrypted;
    return copy;
}

bool expects_continue(const Parser& parser) {
    return parser.get().version() >= 11 &&
           equal_ignoring_case(parser.get()[beast_http::field::expect], "100-continue");
}

struct Answer {
    Response response;
    std::string pattern;
};

Answer refuse(const Request& request, int status, const std::string& message) {
    return Answer{error_response(request, status, message), ""};
}

// Calls the handler and turns what it throws into a 500.
net::Awaitable<Response> call_handler(const Handler& handler,
                                      Request request,
                                      std::string pattern) {
    const Request kept = without_body(request);
    std::string problem;
    try {
        auto call = handler(std::move(request));
        co_return co_await std::move(call);
    } catch (const std::exception& error) {
        problem = error.what();
    } catch (...) {
        problem = "unknown exception";
    }
    log::Log().error("request handler failed", {{"path", pattern}, {"error", problem}});
    co_return error_response(kept, 500, "internal error");
}

net::Awaitable<Answer> answer(const Router& router, Request request, unsigned version) {
    if (version >= 11 && !request.header("Host")) {
        co_return refuse(request, 400, "the Host header is missing");
    }
    const std::string_view path = path_of(request.target);
    if (!is_target(request.target) || !is_clean_path(path)) {
        co_return refuse(request, 400, "malformed request target");
    }
    auto match = router.match(request.method, path);
    if (match.handler == nullptr && match.allow.empty()) {
        co_return refuse(request, 404, "not found");
    }
    if (match.handler == nullptr) {
        Answer not_allowed = refuse(request, 405, "method not allowed");
        not_allowed.pattern = match.pattern;
        not_allowed.response.headers.emplace_back("Allow", match.allow);
        co_return not_allowed;
    }
    request.parameters = std::move(match.parameters);
    Answer result;
    result.pattern = match.pattern;
    result.response = co_await call_handler(*match.handler, std::move(request), match.pattern);
    if (result.response.status < 200 || result.response.status > 599) result.response.status = 500;
    co_return result;
}

net::Awaitable<Result<void>> send(net::ByteStream& stream,
                                  const Response& response,
                                  const Framing& framing) {
    std::string text = serialize_header(response, framing);
    const bool with_body = !framing.head && has_body(response.status);
    const bool joined = with_body && response.body.size() <= joined_body_max;
    if (joined) text += response.body;
    stream.set_deadline(steady_clock::now() + response_time_max);
    auto sent = co_await stream.write_all(as_bytes(text));
    if (!sent || !with_body || joined) co_return sent;
    sent = co_await stream.write_all(as_bytes(response.body));
    co_return sent;
}

// Closing with unread bytes would reset the connection, and the client might lose the answer.
net::Awaitable<void> linger(net::ByteStream& stream) {
    stream.set_deadline(steady_clock::now() + linger_time_max);
    const auto ended = co_await stream.shutdown_send();
    if (!ended) co_return;
    Bytes discarded(16U << 10U);
    std::size_t total = 0;
    while (total < linger_bytes_max) {
        const auto count = co_await stream.read_some(discarded);
        if (!count || *count == 0) co_return;
        total += *count;
    }
}

}  // namespace

struct Server::State {
    // A connection of one worker, touched by that worker only.
    struct Connection {
        net::ByteStream* stream = nullptr;
        bool idle = false;
    };

    State(net::IoThreads& io_threads, Options server_options, Router server_router)
        : threads(io_threads),
          options(std::move(server_options)),
          router(std::move(server_router)),
          workers(io_threads.size()) {}

    net::IoThreads& threads;
    const Options options;
    const Router router;
    std::vector<std::set<Connection*>> workers;
    std::atomic<bool> draining = false;
    std::atomic<std::size_t> connections = 0;
    std::unique_ptr<net::Listener> listener;
};

namespace {

// Keeps a connection in its worker's list while it lives.
template <class State>
class Registration {
public:
    Registration(State& state, std::size_t worker, net::ByteStream& stream)
        : list_(state.workers[worker]) {
        connection_.stream = &stream;
        list_.insert(&connection_);
    }
    ~Registration() { list_.erase(&connection_); }
    Registration(const Registration&) = delete;
    Registration& operator=(const Registration&) = delete;
    void set_idle(bool idle) { connection_.idle = idle; }

private:
    typename State::Connection connection_;
    std::set<typename State::Connection*>& list_;
};

// Reads one request; an error, or nothing when the client asks for more than it may send.
net::Awaitable<error_code> read_request(net::ByteStream& stream,
                                        boost::beast::flat_buffer& buffer,
                                        Parser& parser) {
    auto failed = co_await read_message<true>(stream, buffer, parser, Until::header);
    if (failed) co_return failed;
    if (expects_continue(parser) && buffer.size() == 0 && !parser.is_done()) {
        const auto sent = co_await stream.write_all(as_bytes("HTTP/1.1 100 Continue\r\n\r\n"));
        if (!sent) co_return code_of(sent.error());
    }
    parser.eager(true);
    failed = co_await read_message<true>(stream, buffer, parser, Until::end);
    co_return failed;
}

template <class State>
void report(const State& state,
            const Request& request,
            const Response& response,
            const std::string& pattern) {
    if (state.options.on_response) state.options.on_response(request, response, pattern);
}

// One request and its response; true when the connection may carry another.
template <class State>
net::Awaitable<bool> serve_one(const State& state,
                               net::ByteStream& stream,
                               boost::beast::flat_buffer& buffer) {
    Parser parser;
    parser.header_limit(header_bytes_max);
    parser.body_limit(state.options.body_bytes_max);
    stream.set_deadline(steady_clock::now() + request_time_max);
    const auto failed = co_await read_request(stream, buffer, parser);
    Framing framing;
    if (failed) {
        const auto refused = refusal(failed, parser.got_some());
        if (!refused) co_return false;
        const auto sent = co_await send(stream, *refused, framing);
        Request unknown;
        unknown.peer_address = stream.peer_address();
        report(state, unknown, *refused, "");
        if (sent) co_await linger(stream);
        co_return false;
    }
    framing.version = parser.get().version();
    framing.keep_alive = parser.get().keep_alive();
    Request request = to_request(parser.release(), stream);
    framing.head = request.method == "HEAD";
    const Request kept = without_body(request);
    stream.set_deadline(no_deadline);
    const Answer result = co_await answer(state.router, std::move(request), framing.version);
    framing.keep_alive = framing.keep_alive && !state.draining;
    const auto sent = co_await send(stream, result.response, framing);
    report(state, kept, result.response, result.pattern);
    co_return sent&& framing.keep_alive;
}

template <class State>
net::Awaitable<void> serve_all(State& state, std::size_t worker, net::ByteStream& stream) {
    Registration<State> registration(state, worker, stream);
    boost::beast::flat_buffer buffer;
    while (!state.draining) {
        if (buffer.size() == 0) {
            registration.set_idle(true);
            stream.set_deadline(steady_clock::now() + idle_time_max);
            const auto count = co_await fill(stream, buffer);
            registration.set_idle(false);
            if (!count || *count == 0) co_return;
        }
        const bool again = co_await serve_one(state, stream, buffer);
        if (!again) break;
    }
    stream.set_deadline(steady_clock::now() + linger_time_max);
    co_await stream.shutdown_send();
}

template <class State>
net::Awaitable<void> serve_connection(std::shared_ptr<State> state,
                                      std::size_t worker,
                                      std::unique_ptr<net::SocketStream> socket) {
    if (!state->options.tls) {
        co_await serve_all(*state, worker, *socket);
        co_return;
    }
    socket->set_deadline(steady_clock::now() + handshake_time_max);
    auto context = state->options.tls->current();
    Bytes received;
    auto stream = co_await net::TlsStream::accept(std::move(socket),
                                                  std::move(context),
                                                  std::move(received),
                                                  net::TlsStream::Negotiation::ssl_request);
    if (!stream) {
        log::Log().debug("TLS handshake failed", {{"error", stream.error().message()}});
        co_return;
    }
    co_await serve_all(*state, worker, **stream);
}

void log_escaped(const std::exception_ptr& escaped) {
    if (!escaped) return;
    try {
        std::rethrow_exception(escaped);
    } catch (const std::exception& error) {
        log::Log().error("HTTP connection ended by an exception", {{"error", error.what()}});
    } catch (...) {
        log::Log().error("HTTP connection ended by an exception", {{"error", "unknown"}});
    }
}

template <class State>
void on_accept(const std::shared_ptr<State>& state,
               std::size_t worker,
               std::unique_ptr<net::SocketStream> socket) {
    if (state->draining) return;
    if (state->connections.fetch_add(1) >= state->options.connections_max) {
        state->connections.fetch_sub(1);
        return;
    }
    boost::asio::co_spawn(state->threads.context(worker),
                          serve_connection(state, worker, std::move(socket)),
                          [state](const std::exception_ptr& escaped) {
                              state->connections.fetch_sub(1);
                              log_escaped(escaped);
                          });
}

}  // namespace

Server::Server(net::IoThreads& threads, Options options, Router router)
    : state_(std::make_shared<State>(threads, std::move(options), std::move(router))) {
    const std::weak_ptr<State> weak = state_;
    state_->listener = std::make_unique<net::Listener>(
        threads,
        state_->options.address,
        [weak](std::size_t worker, std::unique_ptr<net::SocketStream> socket) {
            if (const auto state = weak.lock()) on_accept(state, worker, std::move(socket));
        });
}

Server::~Server() {
    close();
    state_->listener.reset();
}

void Server::start() { state_->listener->start(); }

void Server::close() {
    if (state_->draining.exchange(true)) return;
    state_->listener->close();
    for (std::size_t worker = 0; worker < state_->workers.size(); ++worker) {
        boost::asio::post(state_->threads.context(worker), [state = state_, worker] {
            for (State::Connection* connection : state->workers[worker]) {
                if (connection->idle) connection->stream->close();
            }
        });
    }
}

std::uint16_t Server::port() const { return state_->listener->port(); }

std::size_t Server::connections() const { return state_->connections; }

}  // namespace sluice::http
