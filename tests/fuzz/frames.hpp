#pragma once

#include "backend/protocol/frame.hpp"
#include "common/base/assert.hpp"

#include <algorithm>
#include <vector>

namespace sluice::fuzz {

inline constexpr std::size_t body_bytes_max = 1U << 16U;

// What a FrameDecoder made of a stream of bytes: the messages, and whether it refused the rest.
struct Decoded {
    std::vector<pg::Frame> frames;
    bool refused = false;
};

// Decodes `in` while at most `piece()` more bytes of it arrive at a time.
template <typename Piece>
Decoded decode(ByteView in, Piece piece) {
    Decoded decoded;
    pg::FrameDecoder decoder(body_bytes_max);
    std::size_t consumed = 0;
    std::size_t arrived = 0;
    std::size_t promised = 0;  // no message is complete with fewer bytes
    for (;;) {
        const auto frame = decoder.next(in.subspan(consumed, arrived - consumed));
        decoded.refused = !frame;
        if (!frame) return decoded;
        if (*frame) {
            SLUICE_ASSERT((*frame)->size() >= promised);
            SLUICE_ASSERT((*frame)->body.size() <= body_bytes_max);
            decoded.frames.push_back(**frame);
            consumed += (*frame)->size();
            promised = 0;
            continue;
        }
        SLUICE_ASSERT(decoder.wanted() > 0);
        promised = arrived - consumed + decoder.wanted();
        if (arrived == in.size()) return decoded;
        arrived += std::min(in.size() - arrived, piece());
    }
}

// The messages of `in`, which must be the same in whatever pieces they arrive.
inline std::vector<pg::Frame> decode_frames(ByteView in) {
    Decoded whole = decode(in, [&] { return in.size(); });
    std::size_t seed = in.size();
    for (const std::uint8_t byte : in) seed = seed * 31 + byte;
    const Decoded cut = decode(in, [&] {
        seed = seed * 6364136223846793005U + 1442695040888963407U;
        return 1 + (seed >> 33U) % 9;
    });
    const auto same = [](const pg::Frame& a, const pg::Frame& b) {
        return a.tag == b.tag && a.body.data() == b.body.data() && a.body.size() == b.body.size();
    };
    SLUICE_ASSERT(whole.refused == cut.refused);
    SLUICE_ASSERT(std::ranges::equal(whole.frames, cut.frames, same));
    return std::move(whole.frames);
}

// For messages that have one encoding: `encode` must write what was parsed as it came.
template <typename Encode>
void check_encoding(const pg::Frame& frame, Encode encode) {
    Bytes encoded;
    SLUICE_ASSERT(encode(encoded));
    const pg::FrameLook look = pg::look_at_frame(encoded, body_bytes_max);
    SLUICE_ASSERT(look.state == pg::FrameLook::State::complete);
    SLUICE_ASSERT(look.frame.tag == frame.tag && look.frame.size() == encoded.size());
    SLUICE_ASSERT(std::ranges::equal(look.frame.body, frame.body));
}

}  // namespace sluice::fuzz
