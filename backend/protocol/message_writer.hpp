#pragma once

#include "common/base/assert.hpp"
#include "common/base/byte_writer.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

namespace sluice::pg {

// The largest length that PostgreSQL takes in a message (MaxAllocSize).
inline constexpr std::size_t message_bytes_limit = 0x3fff'ffff;
// Columns, values, formats and types are counted with 16 bits.
inline constexpr std::size_t message_count_max = std::numeric_limits<std::uint16_t>::max();

// Appends one message. What a message cannot carry (a NUL inside a C string, too many elements, too
// many bytes) is remembered, and finish() takes the whole message back.
class MessageWriter : public ByteWriter {
public:
    MessageWriter(Bytes& out, char tag)
        : ByteWriter(tagged(out, tag)), out_(out), start_(out.size() - 1), length_(reserve_u32()) {}
    // A packet without tag (startup).
    explicit MessageWriter(Bytes& out)
        : ByteWriter(out), out_(out), start_(out.size()), length_(reserve_u32()) {}
    // A message that is not finished before cannot be refused: its content is our own.
    ~MessageWriter() {
        if (!finished_) SLUICE_ASSERT(finish());
    }
    MessageWriter(const MessageWriter&) = delete;
    MessageWriter& operator=(const MessageWriter&) = delete;

    void c_string(std::string_view text) {
        if (!ByteWriter::c_string(text)) refused_ = true;
    }
    // The number of elements that follow.
    void count(std::size_t elements) {
        if (elements > message_count_max) refused_ = true;
        u16(static_cast<std::uint16_t>(elements));
    }
    // A 4-byte length and the bytes; -1 for nullopt.
    void value(std::optional<ByteView> bytes_or_null) {
        if (!bytes_or_null) return i32(-1);
        if (bytes_or_null->size() > message_bytes_limit) {
            refused_ = true;
            return;
        }
        u32(static_cast<std::uint32_t>(bytes_or_null->size()));
        bytes(*bytes_or_null);
    }

    // Fills in the length. False: refused, and `out` is what it was before the message.
    [[nodiscard]] bool finish() {
        finished_ = true;
        const std::size_t length = size() - length_;
        if (refused_ || length > message_bytes_limit) {
            out_.resize(start_);
            return false;
        }
        patch_u32(length_, static_cast<std::uint32_t>(length));
        return true;
    }

private:
    static Bytes& tagged(Bytes& out, char tag) {
        out.push_back(static_cast<std::uint8_t>(tag));
        return out;
    }

    Bytes& out_;
    std::size_t start_;
    std::size_t length_;
    bool refused_ = false;
    bool finished_ = false;
};

}  // namespace sluice::pg
