#pragma once

#include "common/base/byte_reader.hpp"
#include "common/base/bytes.hpp"

#include <boost/endian/conversion.hpp>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>

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

// Fields of varying size, one behind the other; `Field::read(reader)` takes the next one.
template <class Field>
class FieldList {
public:
    class Iterator {
    public:
        using value_type = decltype(Field::read(std::declval<ByteReader&>()));
        using difference_type = std::ptrdiff_t;
        using iterator_category = std::input_iterator_tag;

        Iterator() = default;
        explicit Iterator(ByteView bytes) : reader_(bytes) {}

        value_type operator*() const {
            ByteReader reader = reader_;
            return Field::read(reader);
        }
        Iterator& operator++() {
            Field::read(reader_);
            return *this;
        }
        Iterator operator++(int) {
            const Iterator before = *this;
            Field::read(reader_);
            return before;
        }
        // Of iterators of one list.
        bool operator==(const Iterator& other) const {
            return reader_.remaining() == other.reader_.remaining();
        }

    private:
        ByteReader reader_{ByteView()};
    };

    FieldList() = default;
    // Reads `count` fields. When they are malformed the reader is no longer ok(), and the list is
    // empty.
    FieldList(ByteReader& reader, std::size_t count) {
        const ByteView before = ByteReader(reader).rest();
        for (std::size_t i = 0; i < count && reader.ok(); ++i) Field::read(reader);
        if (!reader.ok()) return;
        bytes_ = before.first(before.size() - reader.remaining());
        size_ = count;
    }

    std::size_t size() const { return size_; }
    Iterator begin() const { return Iterator(bytes_); }
    Iterator end() const { return Iterator(); }

private:
    ByteView bytes_;
    std::size_t size_ = 0;
};

// A 4-byte length and that many bytes; -1 stands for NULL, which is nullopt.
struct ValueField {
    static std::optional<ByteView> read(ByteReader& reader) {
        const std::int32_t length = reader.i32();
        if (length == -1) return std::nullopt;
        // A negative length becomes a huge one, which no message has.
        return reader.bytes(static_cast<std::uint32_t>(length));
    }
};
// The values of a DataRow, Bind or FunctionCall.
using ValueList = FieldList<ValueField>;

// One column of a RowDescription.
struct ColumnView {
    std::string_view name;
    std::uint32_t table_oid = 0;      // 0: no column of a table
    std::int16_t table_column = 0;    // its number there; system columns are negative
    std::uint32_t type_oid = 0;       // pg_type.oid
    std::int16_t type_length = 0;     // pg_type.typlen; negative: it varies
    std::int32_t type_modifier = -1;  // pg_attribute.atttypmod
    std::uint16_t format = 0;         // 0 text, 1 binary

    static ColumnView read(ByteReader& reader) {
        ColumnView column;
        column.name = reader.c_string();
        column.table_oid = reader.u32();
        column.table_column = reader.i16();
        column.type_oid = reader.u32();
        column.type_length = reader.i16();
        column.type_modifier = reader.i32();
        column.format = reader.u16();
        return column;
    }
};
using ColumnList = FieldList<ColumnView>;

}  // namespace sluice::pg
