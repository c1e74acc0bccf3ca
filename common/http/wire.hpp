#pragma once

#include "common/net/byte_stream.hpp"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>

#include <string>
#include <string_view>

// HTTP/1.1 over a ByteStream, with Beast's parsers and without its streams; shared by the server
// and the client of this folder.
namespace sluice::http {

inline constexpr std::size_t header_bytes_max = 16U << 10U;

enum class Until { header, end };

// Waits for more bytes and puts them behind those in `buffer`; 0 is the end of the stream.
net::Awaitable<Result<std::size_t>> fill(net::ByteStream& stream,
                                         boost::beast::flat_buffer& buffer);

// What ended a stream, never empty: TLS says some failures in words only.
boost::system::error_code code_of(const Error& error);

// Reads until the parser has the header, or the whole message. Bytes behind it stay in `buffer`.
// The error is Beast's (http::error) or the stream's.
template <bool is_request>
net::Awaitable<boost::system::error_code> read_message(
    net::ByteStream& stream,
    boost::beast::flat_buffer& buffer,
    boost::beast::http::basic_parser<is_request>& parser,
    Until until);

extern template net::Awaitable<boost::system::error_code> read_message<true>(
    net::ByteStream&, boost::beast::flat_buffer&, boost::beast::http::basic_parser<true>&, Until);
extern template net::Awaitable<boost::system::error_code> read_message<false>(
    net::ByteStream&, boost::beast::flat_buffer&, boost::beast::http::basic_parser<false>&, Until);

// True when the text can stand in a message without becoming something else: a token of RFC 9110,
// a field value without control characters, a request target without spaces.
bool is_token(std::string_view text);
bool is_field_value(std::string_view text);
bool is_target(std::string_view text);

// "Name: value\r\n".
void append_header(std::string& to, std::string_view name, std::string_view value);

}  // namespace sluice::http
