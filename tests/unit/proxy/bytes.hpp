#pragma once

#include "backend/protocol/message_writer.hpp"
#include "common/base/bytes.hpp"

#include <string>
#include <string_view>

namespace sluice::test {

inline Bytes bytes(std::string_view text) { return {text.begin(), text.end()}; }

inline std::string text(ByteView bytes) { return std::string(as_text(bytes)); }

// One message as it looks on the wire.
inline Bytes message(char tag, std::string_view body = {}) {
    Bytes out;
    pg::MessageWriter(out, tag).text(body);
    return out;
}

inline Bytes joined(std::initializer_list<Bytes> parts) {
    Bytes out;
    for (const Bytes& part : parts) append(out, part);
    return out;
}

}  // namespace sluice::test
