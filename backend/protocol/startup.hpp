#pragma once

#include "common/base/bytes.hpp"
#include "common/base/result.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace sluice::pg {

// The untagged packets that open a connection. Source: PostgreSQL documentation, "Message Formats".

inline constexpr std::size_t startup_bytes_max =
    10'000;  // whole packet; PostgreSQL does not count the length

// The newest minor version of protocol 3 that sluice speaks.
inline constexpr std::uint16_t protocol_minor_max = 2;

// A cancel key has 4 bytes in protocol 3.0; 3.2 allows up to 256.
inline constexpr std::size_t cancel_key_bytes_min = 4;
inline constexpr std::size_t cancel_key_bytes_max = 256;
constexpr bool is_cancel_key_size(std::size_t bytes) {
    return bytes >= cancel_key_bytes_min && bytes <= cancel_key_bytes_max;
}

struct ProtocolVersion {
    std::uint16_t major = 3;
    std::uint16_t minor = 0;
    bool operator==(const ProtocolVersion&) const = default;
};

struct SslRequest {};
struct GssEncRequest {};

struct CancelRequest {
    std::uint32_t pid = 0;
    Bytes key;  // 4 bytes in protocol 3.0, up to 256 in 3.2
};

struct StartupMessage {
    ProtocolVersion version;
    // In the order sent; names may repeat, the last one counts (as in PostgreSQL).
    std::vector<std::pair<std::string, std::string>> parameters;

    std::optional<std::string_view> find(std::string_view name) const;
    // "user"; empty when missing.
    std::string_view user() const { return find("user").value_or(""); }
    // "database", which defaults to the user.
    std::string_view database() const;
    // Names that begin with "_pq_.".
    std::vector<std::string> protocol_options() const;
};

using StartupPacket = std::variant<SslRequest, GssEncRequest, CancelRequest, StartupMessage>;

// The first packet of `in`, once it is complete; `size` receives its length. Bad lengths are
// refused as soon as four bytes are there.
//   errors: kind client with an Errc: bad length, unknown request code, malformed parameters,
//           unsupported major; the detail is PostgreSQL's own text and fit for the client
Result<std::optional<StartupPacket>> parse_startup_packet(ByteView in, std::size_t& size);

// False, and nothing is appended: a name or value holds a NUL.
[[nodiscard]] bool encode_startup(Bytes& out, const StartupMessage& message);
void encode_ssl_request(Bytes& out);
void encode_gss_enc_request(Bytes& out);
// False, and nothing is appended: the key has not 4 to 256 bytes.
[[nodiscard]] bool encode_cancel_request(Bytes& out, const CancelRequest& request);

// The server's answer to a StartupMessage that asks for more than 3.`minor_max` or for _pq_
// options: nullopt when none is needed.
struct Negotiation {
    std::uint16_t minor = 0;                // the one to be used: never above the one asked for
    std::vector<std::string> unrecognized;  // all _pq_ options
};
std::optional<Negotiation> negotiate(const StartupMessage& message, std::uint16_t minor_max);

// Splits the "options" parameter at unescaped whitespace as the server does (pg_split_opts).
std::vector<std::string> split_options(std::string_view options);
// The reverse, escaping whitespace and backslashes.
std::string join_options(const std::vector<std::string>& options);

}  // namespace sluice::pg
