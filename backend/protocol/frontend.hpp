#pragma once

#include "backend/protocol/copy_messages.hpp"
#include "backend/protocol/message_lists.hpp"
#include "common/base/assert.hpp"
#include "common/base/bytes.hpp"
#include "common/base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace sluice::pg {

// What a server reads. Each function takes the body of one message; every view in its result points
// into that body.
//   errors: kind client, "invalid message format": the fields do not fill the body exactly
//   source: PostgreSQL documentation, "Message Formats"

// Whether a client's messages may begin with `tag`, startup packets aside.
bool is_frontend_tag(char tag);

// Query, password message and CopyFail are one text without a NUL inside.
Result<std::string_view> parse_query(ByteView body);
Result<std::string_view> parse_password(ByteView body);
Result<std::string_view> parse_copy_fail(ByteView body);

// Sync, Flush, Terminate and CopyDone have no body; `tag` is for the error.
Result<void> parse_empty(ByteView body, char tag);

struct Parse {
    std::string_view statement;  // "" is the unnamed one
    std::string_view query;
    OidList types;  // of its first parameters; 0 leaves a type open
};
Result<Parse> parse_parse(ByteView body);

struct Bind {
    std::string_view portal;
    std::string_view statement;
    Int16List formats;  // none: all values are text; one: for all; else one for each
    ValueList values;
    Int16List result_formats;
};
Result<Bind> parse_bind(ByteView body);

// What Describe and Close are about.
enum class Subject : char { statement = 'S', portal = 'P' };

struct Describe {
    Subject subject = Subject::statement;
    std::string_view name;
};
Result<Describe> parse_describe(ByteView body);

struct Close {
    Subject subject = Subject::statement;
    std::string_view name;
};
Result<Close> parse_close(ByteView body);

struct Execute {
    std::string_view portal;
    std::uint32_t rows_max = 0;  // 0: all
};
Result<Execute> parse_execute(ByteView body);

struct FunctionCall {
    std::uint32_t oid = 0;
    Int16List formats;  // as in Bind
    ValueList arguments;
    std::uint16_t result_format = 0;
};
Result<FunctionCall> parse_function_call(ByteView body);

struct SaslInitialResponse {
    std::string_view mechanism;
    std::optional<ByteView> data;  // the client's first message, if it sends one at once
};
// A SASLResponse has no such parser: its whole body is the mechanism's data.
Result<SaslInitialResponse> parse_sasl_initial_response(ByteView body);

// Messages from a client to a server, appended to `out`.
//   false:  what came from outside does not fit into the message: a text that holds a NUL, more
//           than 65,535 elements, more than message_bytes_limit bytes; nothing is appended
//   source: PostgreSQL documentation, "Message Formats"

[[nodiscard]] bool encode_query(Bytes& out, std::string_view sql);
[[nodiscard]] bool encode_password(Bytes& out, std::string_view password);
// `data`: the mechanism's first message, if it begins with the client.
[[nodiscard]] bool encode_sasl_initial_response(Bytes& out,
                                                std::string_view mechanism,
                                                std::optional<ByteView> data);
void encode_sasl_response(Bytes& out, ByteView data);
void encode_terminate(Bytes& out);
void encode_sync(Bytes& out);
void encode_flush(Bytes& out);
[[nodiscard]] bool encode_copy_fail(Bytes& out, std::string_view reason);

// `types`: of the first parameters; 0 leaves one open.
[[nodiscard]] bool encode_parse(Bytes& out,
                                std::string_view statement,
                                std::string_view query,
                                std::span<const std::uint32_t> types = {});
// Formats are 0 text, 1 binary: none for all text, one for all values, or one for each; another
// number of `formats` is refused.
[[nodiscard]] bool encode_bind(Bytes& out,
                               std::string_view portal,
                               std::string_view statement,
                               std::span<const std::optional<std::string_view>> values,
                               std::span<const std::uint16_t> formats = {},
                               std::span<const std::uint16_t> result_formats = {});
[[nodiscard]] bool encode_describe(Bytes& out, const Describe& describe);
[[nodiscard]] bool encode_close(Bytes& out, const Close& close);
[[nodiscard]] bool encode_execute(Bytes& out, const Execute& execute);
// `formats` as in encode_bind().
[[nodiscard]] bool encode_function_call(Bytes& out,
                                        std::uint32_t oid,
                                        std::span<const std::optional<std::string_view>> arguments,
                                        std::span<const std::uint16_t> formats = {},
                                        std::uint16_t result_format = 0);

// For texts of our own, which are not refused.
template <std::size_t Size>
void encode_query(Bytes& out, const char (&sql)[Size]) {
    SLUICE_ASSERT(encode_query(out, std::string_view(sql)));
}
template <std::size_t Size>
void encode_copy_fail(Bytes& out, const char (&reason)[Size]) {
    SLUICE_ASSERT(encode_copy_fail(out, std::string_view(reason)));
}

}  // namespace sluice::pg
