#include "backend/protocol/copy_messages.hpp"

#include "backend/protocol/message_writer.hpp"

namespace sluice::pg {

void encode_copy_data(Bytes& out, ByteView data) { MessageWriter(out, 'd').bytes(data); }

void encode_copy_done(Bytes& out) { MessageWriter(out, 'c'); }

}  // namespace sluice::pg
