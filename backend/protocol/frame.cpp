#include "backend/protocol/frame.hpp"

#include "backend/protocol/errc.hpp"
#include "common/base/byte_reader.hpp"

namespace sluice::pg {

Result<std::optional<Frame>> FrameDecoder::next(ByteView in) {
    if (in.size() < frame_header_size) {
        wanted_ = frame_header_size - in.size();
        return std::optional<Frame>();
    }
    const std::size_t length = ByteReader(in.subspan(1, 4)).u32();
    if (length < 4 || length - 4 > body_bytes_max_) {
        return protocol_error(Errc::invalid_message_length,
                              "message length " + std::to_string(length));
    }
    const std::size_t size = 1 + length;
    if (in.size() < size) {
        wanted_ = size - in.size();
        return std::optional<Frame>();
    }
    wanted_ = frame_header_size;
    return std::optional<Frame>(
        Frame{static_cast<char>(in[0]), in.subspan(frame_header_size, length - 4)});
}

}  // namespace sluice::pg
