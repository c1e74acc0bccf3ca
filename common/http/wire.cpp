#include "common/http/wire.hpp"

#include <boost/beast/http/error.hpp>

#include <algorithm>

namespace sluice::http {

namespace beast_http = boost::beast::http;
using boost::system::error_code;

namespace {

constexpr std::size_t read_bytes = 16U << 10U;

template <bool is_request>
bool reached(const beast_http::basic_parser<is_request>& parser, Until until) {
    return until == Until::header ? parser.is_header_done() : parser.is_done();
}

// Gives the buffered bytes to the parser; need_more when it took all it can use.
template <bool is_request>
error_code parse_buffered(boost::beast::flat_buffer& buffer,
                          beast_http::basic_parser<is_request>& parser) {
    if (buffer.size() == 0) return beast_http::error::need_more;
    error_code failed;
    const std::size_t taken = parser.put(buffer.data(), failed);
    buffer.consume(taken);
    if (!failed && taken == 0) return beast_http::error::need_more;
    return failed;
}

}  // namespace

error_code code_of(const Error& error) {
    if (error.code) return error.code;
    return make_error_code(boost::system::errc::protocol_error);
}

net::Awaitable<Result<std::size_t>> fill(net::ByteStream& stream,
                                         boost::beast::flat_buffer& buffer) {
    const auto space = buffer.prepare(read_bytes);
    const ByteSpan into(static_cast<std::uint8_t*>(space.data()), space.size());
    auto count = co_await stream.read_some(into);
    if (count) buffer.commit(*count);
    co_return count;
}

template <bool is_request>
net::Awaitable<error_code> read_message(net::ByteStream& stream,
                                        boost::beast::flat_buffer& buffer,
                                        beast_http::basic_parser<is_request>& parser,
                                        Until until) {
    while (!reached(parser, until)) {
        error_code failed = parse_buffered(buffer, parser);
        if (!failed) continue;
        if (failed != beast_http::error::need_more) co_return failed;
        const auto count = co_await fill(stream, buffer);
        if (!count) co_return code_of(count.error());
        if (*count > 0) continue;
        // Beast's parser takes the end of a stream only behind a first byte.
        if (!parser.got_some()) co_return beast_http::error::end_of_stream;
        failed.clear();
        parser.put_eof(failed);
        if (failed) co_return failed;
    }
    co_return error_code();
}

template net::Awaitable<error_code> read_message<true>(net::ByteStream&,
                                                       boost::beast::flat_buffer&,
                                                       beast_http::basic_parser<true>&,
                                                       Until);
template net::Awaitable<error_code> read_message<false>(net::ByteStream&,
                                                        boost::beast::flat_buffer&,
                                                        beast_http::basic_parser<false>&,
                                                        Until);

bool is_token(std::string_view text) {
    const auto allowed = [](char c) {
        const bool letter =
            (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        return letter || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
    };
    return !text.empty() && std::all_of(text.begin(), text.end(), allowed);
}

bool is_field_value(std::string_view text) {
    const auto allowed = [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return c == '\t' || (byte >= 0x20 && byte != 0x7F);
    };
    return std::all_of(text.begin(), text.end(), allowed);
}

bool is_target(std::string_view text) {
    const auto allowed = [](char c) { return c > ' ' && c < '\x7f'; };
    return text.starts_with('/') && std::all_of(text.begin(), text.end(), allowed);
}

void append_header(std::string& to, std::string_view name, std::string_view value) {
    to += name;
    to += ": ";
    to += value;
    to += "\r\n";
}

}  // namespace sluice::http
