#include "tests/unit/pgwal/wal_builder.hpp"

#include <utility>

namespace sluice::pgwal {

WalBuilder::WalBuilder(Lsn start, std::uint64_t segment_bytes)
    : start_(start),
      segment_size_(*SegmentSize::load(segment_bytes)),
      previous_(start.value() - 64) {}

Bytes WalBuilder::make_record(std::size_t body_bytes,
                              std::uint8_t resource_manager,
                              std::uint8_t info) {
    Bytes body(body_bytes);
    for (std::uint8_t& byte : body) {
        seed_ = seed_ * 1664525 + 1013904223;
        byte = static_cast<std::uint8_t>(seed_ >> 24U);
    }
    RecordHeader header;
    header.total_bytes = static_cast<std::uint32_t>(record_header_bytes + body_bytes);
    header.xid = seed_;
    header.previous = previous_;
    header.info = info;
    header.resource_manager = resource_manager;
    if (damage_record != nullptr) damage_record(header);
    damage_record = nullptr;
    Bytes raw_header;
    encode_record_header(header, raw_header);
    header.crc = record_crc(raw_header, body);
    if (damage_crc != nullptr) damage_crc(header);
    damage_crc = nullptr;
    Bytes record;
    encode_record_header(header, record);
    append(record, ByteView(body));
    return record;
}

void WalBuilder::put_page_header(std::uint32_t rem_len, std::uint16_t flags) {
    PageHeader header;
    header.magic = page_magic(major);
    header.info = flags;
    if (rem_len != 0) header.info |= xlp_first_is_contrecord;
    header.timeline = timeline;
    header.address = position();
    header.rem_len = rem_len;
    if (segment_size_.offset_of(position()) == 0) {
        header.info |= xlp_long_header;
        header.system_id = system_id;
        header.segment_bytes = segment_size_.bytes();
        header.block_bytes = page_bytes;
    }
    if (damage_page != nullptr) damage_page(header);
    damage_page = nullptr;
    encode_page_header(header, bytes_);
}

void WalBuilder::put_record(ByteView record) {
    while (!record.empty()) {
        if (page_offset(position()) == 0)
            put_page_header(static_cast<std::uint32_t>(record.size()), 0);
        const std::size_t here = std::min<std::size_t>(record.size(), page_left());
        append(bytes_, record.first(here));
        record = record.subspan(here);
    }
}

WalBuilder& WalBuilder::add(std::size_t body_bytes,
                            std::uint8_t resource_manager,
                            std::uint8_t info) {
    if (page_offset(position()) == 0) put_page_header(0, 0);
    Record record{position(), {}, {}, make_record(body_bytes, resource_manager, info), {}};
    put_record(record.bytes);
    record.end = position();
    while (position().value() % 8 != 0) bytes_.push_back(0);
    record.next = position();
    record.overwritten = std::exchange(overwritten_, Lsn());
    previous_ = record.start;
    records_.push_back(std::move(record));
    return *this;
}

WalBuilder& WalBuilder::add_switch(Rest rest) {
    add(0, rm_xlog_id, xlog_switch);
    while (segment_size_.offset_of(position()) != 0) {
        if (rest == Rest::pages && page_offset(position()) == 0) put_page_header(0, 0);
        zeros(page_left());
    }
    records_.back().next = position();
    return *this;
}

WalBuilder& WalBuilder::abandon(std::size_t body_bytes, std::size_t pages) {
    if (page_offset(position()) == 0) put_page_header(0, 0);
    overwritten_ = position();
    const Bytes record = make_record(body_bytes, rm_logicalmsg_id, 0);
    ByteView left(record);
    for (; pages > 0; --pages) {
        if (page_offset(position()) == 0)
            put_page_header(static_cast<std::uint32_t>(left.size()), 0);
        const std::size_t here = page_left();
        append(bytes_, left.first(here));
        left = left.subspan(here);
    }
    put_page_header(0, xlp_first_is_overwrite_contrecord);
    return *this;
}

WalBuilder& WalBuilder::fill_page(std::uint32_t bytes_left) {
    if (page_offset(position()) == 0) put_page_header(0, 0);
    while (page_left() > bytes_left + 256) add(80);
    return page_left() == bytes_left ? *this : add(page_left() - bytes_left - record_header_bytes);
}

WalBuilder& WalBuilder::raw(ByteView bytes) {
    append(bytes_, bytes);
    return *this;
}

}  // namespace sluice::pgwal
