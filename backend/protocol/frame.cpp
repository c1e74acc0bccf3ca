#include "backend/protocol/frame.hpp"

#include "backend/protocol/errc.hpp"
#include "common/base/byte_writer.hpp"

namespace sluice::pg {

void append_frame(Bytes& to, const Frame& message) {
    ByteWriter writer(to);
    writer.u8(static_cast<std::uint8_t>(message.tag));
    writer.u32(static_cast<std::uint32_t>(message.body.size() + 4));
    writer.bytes(message.body);
}

Error bad_message_length(std::uint32_t length) {
    return protocol_error(Errc::invalid_message_length, "message length " + std::to_string(length));
}

}  // namespace sluice::pg
