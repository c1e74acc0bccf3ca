#pragma once

#include "common/base/bytes.hpp"
#include "common/base/result.hpp"

#include <string_view>

namespace sluice::pg {

// Messages from a client to a server, appended to `out`.

void encode_query(Bytes& out, std::string_view sql);
void encode_password(Bytes& out, std::string_view password);
void encode_sasl_initial_response(Bytes& out, std::string_view mechanism, ByteView data);
void encode_sasl_response(Bytes& out, ByteView data);
void encode_terminate(Bytes& out);
void encode_copy_fail(Bytes& out, std::string_view reason);

// The text of a Query or password message: everything before the final NUL, without any NUL inside.
Result<std::string_view> parse_query(ByteView body);
Result<std::string_view> parse_password(ByteView body);

}  // namespace sluice::pg
