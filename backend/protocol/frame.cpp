#include "backend/protocol/frame.hpp"

#include "backend/protocol/errc.hpp"

namespace sluice::pg {

Error bad_message_length(std::uint32_t length) {
    return protocol_error(Errc::invalid_message_length, "message length " + std::to_string(length));
}

}  // namespace sluice::pg
