#pragma once

#include "common/base/bytes.hpp"

namespace sluice::pg {

// The messages of COPY that both sides send, appended to `out`.

// `data`: up to message_bytes_limit - 4 bytes. Whoever cuts a stream into messages chooses their
// size, so more is a bug and ends the process.
void encode_copy_data(Bytes& out, ByteView data);
void encode_copy_done(Bytes& out);

}  // namespace sluice::pg
