#include "common/pgwal/page.hpp"

#include "common/base/little_endian.hpp"
#include "common/pgwal/layouts.hpp"

#include <array>
#include <cstdio>

namespace sluice::pgwal {

namespace {

std::string hex4(std::uint16_t value) {
    std::array<char, 8> text{};
    std::snprintf(text.data(), text.size(), "%04X", static_cast<unsigned>(value));
    return text.data();
}

WalError page_error(Errc code, const PageExpectation& want, std::string what) {
    return {
        code, want.address, std::move(what) + " on the WAL page at " + want.address.to_string()};
}

std::optional<WalError> check_identity(const PageHeader& header, const PageExpectation& want) {
    if (want.system_id != 0 && header.system_id != want.system_id)
        return page_error(Errc::wrong_system_id,
                          want,
                          "system identifier " + std::to_string(header.system_id) + " instead of " +
                              std::to_string(want.system_id));
    if (header.segment_bytes != want.segment_size.bytes())
        return page_error(Errc::wrong_segment_size,
                          want,
                          "segment size " + std::to_string(header.segment_bytes) + " instead of " +
                              std::to_string(want.segment_size.bytes()));
    if (header.block_bytes != page_bytes)
        return page_error(Errc::wrong_block_size,
                          want,
                          "page size " + std::to_string(header.block_bytes) + " instead of " +
                              std::to_string(page_bytes));
    return std::nullopt;
}

}  // namespace

std::size_t page_header_bytes_wanted(ByteView start) {
    if (start.size() < 4) return short_page_header_bytes;
    const std::uint16_t info = boost::endian::load_little_u16(&start[2]);
    return (info & xlp_long_header) != 0 ? long_page_header_bytes : short_page_header_bytes;
}

std::optional<PageHeader> decode_page_header(ByteView bytes) {
    LittleEndianReader reader(bytes);
    PageHeader header;
    header.magic = reader.u16();
    header.info = reader.u16();
    header.timeline = reader.u32();
    header.address = Lsn(reader.u64());
    header.rem_len = reader.u32();
    reader.skip(4);
    if (header.is_long()) {
        header.system_id = reader.u64();
        header.segment_bytes = reader.u32();
        header.block_bytes = reader.u32();
    }
    if (!reader.ok()) return std::nullopt;
    return header;
}

void encode_page_header(const PageHeader& header, Bytes& out) {
    LittleEndianWriter writer(out);
    writer.u16(header.magic);
    writer.u16(header.info);
    writer.u32(header.timeline);
    writer.u64(header.address.value());
    writer.u32(header.rem_len);
    writer.zeros(4);
    if (!header.is_long()) return;
    writer.u64(header.system_id);
    writer.u32(header.segment_bytes);
    writer.u32(header.block_bytes);
}

std::optional<WalError> check_page_header(const PageHeader& header, const PageExpectation& want) {
    const std::uint16_t magic = page_magic(want.major);
    if (header.magic != magic)
        return page_error(Errc::wrong_magic,
                          want,
                          "magic " + hex4(header.magic) + " instead of " + hex4(magic) +
                              " of PostgreSQL " + std::to_string(number_of(want.major)));
    if ((header.info & ~xlp_all_flags) != 0)
        return page_error(
            Errc::invalid_page_flags, want, "unknown flags in info bits " + hex4(header.info));
    if (header.is_long()) {
        if (auto error = check_identity(header, want)) return error;
    } else if (want.segment_size.offset_of(want.address) == 0) {
        return page_error(
            Errc::invalid_page_flags,
            want,
            "no long header at the start of the segment, info bits " + hex4(header.info) + ",");
    }
    if (header.address != want.address)
        return page_error(
            Errc::wrong_page_address, want, "page address " + header.address.to_string());
    if (header.timeline < want.timeline_min)
        return page_error(Errc::timeline_out_of_sequence,
                          want,
                          "timeline " + std::to_string(header.timeline) + " after timeline " +
                              std::to_string(want.timeline_min));
    return std::nullopt;
}

}  // namespace sluice::pgwal
