#pragma once

#include "common/base/little_endian.hpp"
#include "common/base/lsn.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>

// Structs as a C compiler lays them out on the 64-bit machines that sluice runs on: little-endian,
// every field at a multiple of its size, zeros between. Reader and writer have the same functions,
// so that one list of fields is both: a function template calls them field by field.
namespace sluice::pgwal {

// Fills fields from bytes; sticky failure as in LittleEndianReader.
class CStructReader {
public:
    explicit CStructReader(ByteView bytes) : reader_(bytes) {}

    void align(std::size_t alignment) {
        const std::size_t over = reader_.position() % alignment;
        if (over != 0) reader_.skip(alignment - over);
    }
    // _Bool: anything but zero is true.
    void boolean(bool& field) { field = reader_.u8() != 0; }
    void u32(std::uint32_t& field) {
        align(4);
        field = reader_.u32();
    }
    void i32(std::int32_t& field) {
        align(4);
        field = static_cast<std::int32_t>(reader_.u32());
    }
    void u64(std::uint64_t& field) {
        align(8);
        field = reader_.u64();
    }
    void i64(std::int64_t& field) {
        align(8);
        field = static_cast<std::int64_t>(reader_.u64());
    }
    void f64(double& field) {
        align(8);
        field = std::bit_cast<double>(reader_.u64());
    }
    void lsn(Lsn& field) {
        align(8);
        field = Lsn(reader_.u64());
    }
    void bytes(ByteSpan field) {
        const ByteView read = reader_.bytes(field.size());
        std::copy(read.begin(), read.end(), field.begin());
    }

    std::size_t position() const { return reader_.position(); }
    bool ok() const { return reader_.ok(); }

private:
    LittleEndianReader reader_;
};

// Appends fields to a buffer whose first byte is that of the struct.
class CStructWriter {
public:
    explicit CStructWriter(Bytes& out) : out_(out), writer_(out) {}

    void align(std::size_t alignment) {
        const std::size_t over = out_.size() % alignment;
        if (over != 0) writer_.zeros(alignment - over);
    }
    void boolean(bool field) { writer_.u8(field ? 1 : 0); }
    void u32(std::uint32_t field) {
        align(4);
        writer_.u32(field);
    }
    void i32(std::int32_t field) { u32(static_cast<std::uint32_t>(field)); }
    void u64(std::uint64_t field) {
        align(8);
        writer_.u64(field);
    }
    void i64(std::int64_t field) { u64(static_cast<std::uint64_t>(field)); }
    void f64(double field) { u64(std::bit_cast<std::uint64_t>(field)); }
    void lsn(Lsn field) { u64(field.value()); }
    void bytes(ByteView field) { writer_.bytes(field); }

    std::size_t position() const { return out_.size(); }

private:
    Bytes& out_;
    LittleEndianWriter writer_;
};

}  // namespace sluice::pgwal
