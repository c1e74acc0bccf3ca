#pragma once

#include "common/base/byte_writer.hpp"

namespace sluice::pg {

// Appends one message; its length is filled in when the writer goes out of scope.
class MessageWriter : public ByteWriter {
public:
    MessageWriter(Bytes& out, char tag) : ByteWriter(tagged(out, tag)), length_(reserve_u32()) {}
    // A packet without tag (startup).
    explicit MessageWriter(Bytes& out) : ByteWriter(out), length_(reserve_u32()) {}
    ~MessageWriter() { patch_u32(length_, static_cast<std::uint32_t>(size() - length_)); }
    MessageWriter(const MessageWriter&) = delete;
    MessageWriter& operator=(const MessageWriter&) = delete;

private:
    static Bytes& tagged(Bytes& out, char tag) {
        out.push_back(static_cast<std::uint8_t>(tag));
        return out;
    }

    std::size_t length_;
};

}  // namespace sluice::pg
