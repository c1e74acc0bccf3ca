#pragma once

#include "common/base/bytes.hpp"
#include "common/base/result.hpp"

#include <boost/endian/conversion.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>

namespace sluice::pg {

// One regular message: a tag byte, a 4-byte length that counts itself, the body.
// `body` points into the buffer that was decoded.
struct Frame {
    char tag = 0;
    ByteView body;
    // Bytes of the whole message: 5 + body.size().
    std::size_t size() const { return 5 + body.size(); }
};

inline constexpr std::size_t frame_header_size = 5;

// The whole message again, as it came.
void append_frame(Bytes& to, const Frame& message);

// What stands at the front of some bytes.
struct FrameLook {
    enum class State : std::uint8_t { complete, incomplete, bad_length };
    State state = State::incomplete;
    std::uint32_t length = 0;  // bad_length: what the header says
    std::size_t wanted = 0;    // incomplete: how many bytes are missing at least
    Frame frame;               // complete: the message
};

// Looks for a message at the front of `in` and consumes nothing. Lengths below 4, or with a body of
// more than `body_bytes_max`, are refused from the header alone. The hot path of every reader: no
// allocation, no Error.
inline FrameLook look_at_frame(ByteView in, std::size_t body_bytes_max) noexcept {
    FrameLook look;
    if (in.size() < frame_header_size) {
        look.wanted = frame_header_size - in.size();
        return look;
    }
    look.length = boost::endian::load_big_u32(&in[1]);
    const std::size_t size = std::size_t{1} + look.length;
    if (size < frame_header_size || size - frame_header_size > body_bytes_max) {
        look.state = FrameLook::State::bad_length;
    } else if (in.size() < size) {
        look.wanted = size - in.size();
    } else {
        look.state = FrameLook::State::complete;
        look.frame.tag = static_cast<char>(in[0]);
        look.frame.body = in.subspan(frame_header_size, size - frame_header_size);
    }
    return look;
}

// The error for a length that look_at_frame() refused.
//   errors: kind client, "invalid message length"
Error bad_message_length(std::uint32_t length);

// Cuts messages out of bytes that arrive in any pieces. Owns no buffer and allocates nothing: the
// caller keeps the bytes until they form a message, then drops size() of them.
class FrameDecoder {
public:
    explicit FrameDecoder(std::size_t body_bytes_max)
        : body_bytes_max_(body_bytes_max), copy_data_bytes_max_(body_bytes_max) {}

    // The first message of `in`; nullopt when it is not complete yet: wanted() tells how many
    // bytes are missing at least.
    //   errors: kind client, "invalid message length" (below 4, or body above the limit)
    Result<std::optional<Frame>> next(ByteView in) {
        const bool is_copy_data = !in.empty() && in[0] == 'd';
        const auto limit = is_copy_data ? copy_data_bytes_max_ : body_bytes_max_;
        const FrameLook look = look_at_frame(in, limit);
        switch (look.state) {
        case FrameLook::State::complete:
            wanted_ = frame_header_size;
            return std::optional(look.frame);
        case FrameLook::State::incomplete: wanted_ = look.wanted; break;
        case FrameLook::State::bad_length: return bad_message_length(look.length);
        }
        return std::optional<Frame>();
    }
    std::size_t wanted() const { return wanted_; }
    // The size of the message at the front of `in` when next() refuses it only for its size.
    std::optional<std::size_t> oversized(ByteView in) const {
        const FrameLook look = look_at_frame(in, body_bytes_max_);
        const std::size_t size = std::size_t{1} + look.length;
        if (look.state != FrameLook::State::bad_length || size < frame_header_size) {
            return std::nullopt;
        }
        return size;
    }
    // The limit differs by phase (message_limits.hpp).
    void set_body_bytes_max(std::size_t limit) { set_body_bytes_max(limit, limit); }
    // With another one for CopyData.
    void set_body_bytes_max(std::size_t limit, std::size_t copy_data_limit) {
        body_bytes_max_ = limit;
        copy_data_bytes_max_ = copy_data_limit;
    }

private:
    std::size_t body_bytes_max_;
    std::size_t copy_data_bytes_max_;
    std::size_t wanted_ = frame_header_size;
};

}  // namespace sluice::pg
