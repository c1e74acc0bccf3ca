#pragma once

#include "common/pgwal/page.hpp"
#include "common/pgwal/record.hpp"

#include <string>
#include <vector>

namespace sluice::pgwal {

// WAL as tests want it, good or bad, written as PostgreSQL lays it out. The tests do not take the
// product's own writer for it: both could have the same mistake.
class WalBuilder {
public:
    static constexpr std::uint64_t system_id = 7'000'000'000'000'000'001;

    struct Record {
        Lsn start;
        Lsn end;
        Lsn next;
        Bytes bytes;
        Lsn overwritten;
    };

    explicit WalBuilder(Lsn start, std::uint64_t segment_bytes = 1U << 20U);

    // Fields of the page headers that come.
    PgMajor major = PgMajor::v15;
    std::uint32_t timeline = 1;
    // For the next page header only.
    void (*damage_page)(PageHeader&) = nullptr;
    // For the next record only; the CRC is computed afterwards, and then damaged.
    void (*damage_record)(RecordHeader&) = nullptr;
    void (*damage_crc)(RecordHeader&) = nullptr;

    // A record with so many bytes behind its header.
    WalBuilder& add(std::size_t body_bytes,
                    std::uint8_t resource_manager = rm_logicalmsg_id,
                    std::uint8_t info = 0);
    // XLOG_SWITCH and the rest of its segment: zeros, or zeros with page headers.
    enum class Rest { zeros, pages };
    WalBuilder& add_switch(Rest rest);
    // The first pages of a record, and then the page that says that it was lost.
    WalBuilder& abandon(std::size_t body_bytes, std::size_t pages);
    // Small records until just so many bytes of the page are left; a multiple of 8.
    WalBuilder& fill_page(std::uint32_t bytes_left);
    // Bytes as they are.
    WalBuilder& raw(ByteView bytes);
    WalBuilder& zeros(std::size_t count) { return raw(Bytes(count)); }

    Lsn position() const { return start_ + bytes_.size(); }
    std::uint32_t page_left() const { return page_bytes - page_offset(position()); }
    const Bytes& bytes() const { return bytes_; }
    const std::vector<Record>& records() const { return records_; }
    Lsn start() const { return start_; }
    SegmentSize segment_size() const { return segment_size_; }

private:
    Bytes make_record(std::size_t body_bytes, std::uint8_t resource_manager, std::uint8_t info);
    void put_page_header(std::uint32_t rem_len, std::uint16_t flags);
    void put_record(ByteView record);

    Lsn start_;
    SegmentSize segment_size_;
    Bytes bytes_;
    std::vector<Record> records_;
    Lsn previous_;
    Lsn overwritten_;
    std::uint32_t seed_ = 1;
};

}  // namespace sluice::pgwal
