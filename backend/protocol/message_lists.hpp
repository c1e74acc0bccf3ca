#pragma once

#include "common/base/byte_reader.hpp"
#include "common/base/bytes.hpp"

#include <boost/endian/conversion.hpp>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>

namespace sluice::pg {

// Lists inside messages, read where they lie: they own nothing, allocate nothing and are valid as
// long as the body they came from. Their bytes are checked when the message is parsed, so that
// walking them cannot fail.

// Format codes: 0 text, 1 binary. The protocol calls them Int16; they are never negative.
class Int16List {
public:
    Int16List() = default;
    // `bytes`: two for each number.
    explicit Int16List(ByteView bytes) : bytes_(bytes) {}

    std::size_t size() const { return bytes_.size() / 2; }
    // `index` is below size().
    std::uint16_t operator[](std::size_t index) const {
        return boost::endian::load_big_u16(bytes_.subspan(2 * index, 2).data());
    }

private:
    ByteView bytes_;
};

// Object ids of types.
class OidList {
public:
    OidList() = default;
    // `bytes`: four for each id.
    explicit OidList(ByteView bytes) : bytes_(bytes) {}

    std::size_t size() const { return bytes_.size() / 4; }
    // `index` is below size().
    std::uint32_t operator[](std::size_t index) const {
        return boost::endian::load_big_u32(bytes_.subspan(4 * index, 4).data());
    }

private:
    ByteView bytes_;
};

// The values of a DataRow, Bind or FunctionCall: each a 4-byte length and that many bytes, or -1
// for NULL.
class ValueList {
public:
    // Yields std::optional<ByteView>; nullopt is NULL.
    class Iterator {
    public:
        using value_type = std::optional<ByteView>;
        using difference_type = std::ptrdiff_t;
        using iterator_category = std::input_iterator_tag;

        Iterator() = default;
        explicit Iterator(ByteView bytes) : reader_(bytes) {}

        value_type operator*() const {
            ByteReader reader = reader_;
            return read_value(reader);
        }
        Iterator& operator++() {
            read_value(reader_);
            return *this;
        }
        Iterator operator++(int) {
            Iterator before = *this;
            read_value(reader_);
            return before;
        }
        // Of iterators of one list.
        bool operator==(const Iterator& other) const {
            return reader_.remaining() == other.reader_.remaining();
        }

    private:
        ByteReader reader_{ByteView()};
    };

    ValueList() = default;
    // Reads `count` values; when they are malformed the reader is no longer ok().
    ValueList(ByteReader& reader, std::size_t count) {
        const ByteView before = ByteReader(reader).rest();
        for (std::size_t i = 0; i < count && reader.ok(); ++i) read_value(reader);
        if (!reader.ok()) return;
        bytes_ = before.first(before.size() - reader.remaining());
        size_ = count;
    }

    std::size_t size() const { return size_; }
    Iterator begin() const { return Iterator(bytes_); }
    Iterator end() const { return Iterator(); }

private:
    static std::optional<ByteView> read_value(ByteReader& reader) {
        const std::int32_t length = reader.i32();
        if (length == -1) return std::nullopt;
        // A negative length becomes a huge one, which no message has.
        return reader.bytes(static_cast<std::uint32_t>(length));
    }

    ByteView bytes_;
    std::size_t size_ = 0;
};

}  // namespace sluice::pg
