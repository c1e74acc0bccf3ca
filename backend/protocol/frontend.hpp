#pragma once

#include "backend/protocol/copy_messages.hpp"
#include "backend/protocol/message_lists.hpp"
#include "common/base/bytes.hpp"
#include "common/base/result.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::pg {

// Messages from a client to a server, appended to `out`.

void encode_query(Bytes& out, std::string_view sql);
void encode_password(Bytes& out, std::string_view password);
void encode_sasl_initial_response(Bytes& out, std::string_view mechanism, ByteView data);
void encode_sasl_response(Bytes& out, ByteView data);
void encode_terminate(Bytes& out);
void encode_copy_fail(Bytes& out, std::string_view reason);

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

}  // namespace sluice::pg
