#pragma once

#include "common/base/bytes.hpp"

namespace sluice::pg {

// The messages of COPY that both sides send, appended to `out`.

void encode_copy_data(Bytes& out, ByteView data);
void encode_copy_done(Bytes& out);

}  // namespace sluice::pg
