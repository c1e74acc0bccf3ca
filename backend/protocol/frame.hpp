#pragma once

#include "common/base/bytes.hpp"
#include "common/base/result.hpp"

#include <cstddef>
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

// Cuts messages out of bytes that arrive in any pieces. Owns no buffer and allocates nothing: the
// caller keeps the bytes until they form a message, then drops size() of them.
class FrameDecoder {
public:
    explicit FrameDecoder(std::size_t body_bytes_max) : body_bytes_max_(body_bytes_max) {}

    // The first message of `in`; nullopt when it is not complete yet: wanted() tells how many
    // bytes are missing at least.
    //   errors: kind client, "invalid message length" (below 4, or body above the limit)
    Result<std::optional<Frame>> next(ByteView in);
    std::size_t wanted() const { return wanted_; }
    // The limit differs by phase (authentication, query).
    void set_body_bytes_max(std::size_t limit) { body_bytes_max_ = limit; }

private:
    std::size_t body_bytes_max_;
    std::size_t wanted_ = frame_header_size;
};

}  // namespace sluice::pg
