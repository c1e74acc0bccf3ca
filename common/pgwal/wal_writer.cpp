#include "common/pgwal/wal_writer.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace sluice::pgwal {

namespace {

constexpr std::array<std::uint8_t, page_bytes> zero_page{};

// More than a record, its page headers and the rest of a segment can take.
constexpr std::uint64_t bytes_ahead = std::uint64_t{4} << 30U;

Lsn page_of(Lsn lsn) { return Lsn(lsn.value() - page_offset(lsn)); }

// 0 at the start of a page, and where a page has its header and nothing else.
std::uint32_t bytes_after_page_header(Lsn lsn, SegmentSize size) {
    const std::uint32_t header = page_header_bytes_at(page_of(lsn), size);
    return page_offset(lsn) == 0 ? 0 : page_offset(lsn) - header;
}

Result<void> check_start(Lsn start, SegmentSize size) {
    const std::uint32_t offset = page_offset(start);
    const bool possible = can_start_record(start) &&
                          (offset == 0 || offset >= page_header_bytes_at(page_of(start), size));
    if (possible) return {};
    return Error(ErrorKind::internal,
                 "no WAL record can start at " + start.to_string() +
                     ": it is not a multiple of 8, or in the header of a page",
                 make_error_code(Errc::invalid_start));
}

PageHeader make_page_header(const WalIdentity& identity, Lsn address, std::uint32_t rem_len) {
    PageHeader header;
    header.magic = page_magic(identity.major);
    // What servers write while no base backup runs.
    header.info = xlp_bkp_removable;
    if (rem_len != 0) header.info |= xlp_first_is_contrecord;
    header.timeline = identity.timeline;
    header.address = address;
    header.rem_len = rem_len;
    if (identity.segment_size.offset_of(address) != 0) return header;
    header.info |= xlp_long_header;
    header.system_id = identity.system_id;
    header.segment_bytes = identity.segment_size.bytes();
    header.block_bytes = page_bytes;
    return header;
}

// From `from`, where a page starts or has begun, to `to`.
Result<void> write_zeros(Lsn from, Lsn to, WalSink& sink) {
    while (from < to) {
        const std::uint64_t here =
            std::min<std::uint64_t>(page_bytes - page_offset(from), to.value() - from.value());
        const ByteView zeros = ByteView(zero_page).first(here);
        if (auto written = sink.write(from, zeros); !written) return written;
        from = from + here;
    }
    return {};
}

}  // namespace

Result<WalWriter> WalWriter::open(const WalIdentity& identity,
                                  const WalPosition& position,
                                  WalSink& sink) {
    if (auto checked = check_start(position.next, identity.segment_size); !checked)
        return checked.error();
    return WalWriter(identity, position, sink);
}

WalWriter::WalWriter(const WalIdentity& identity, const WalPosition& position, WalSink& sink)
    : identity_(identity),
      sink_(&sink),
      previous_(position.previous),
      buffer_start_(position.next) {
    buffer_.reserve(page_bytes);
}

Result<WrittenRecord> WalWriter::append(const RecordContent& content) {
    if (failure_) return *failure_;
    if (lsn().value() > std::numeric_limits<std::uint64_t>::max() - bytes_ahead)
        return Error(ErrorKind::internal,
                     "WAL ends at " + lsn().to_string() + ": there are no positions left",
                     make_error_code(Errc::invalid_start));
    // Checks the length before anything is written.
    const Lsn start = next_start();
    auto header = make_record_header(identity_.major, start, content, previous_);
    if (!header) return header.error();
    auto written = put_record(*header, content);
    if (!written) failure_ = written.error();
    return written;
}

Lsn WalWriter::next_start() const {
    const bool needs_header = page_offset(lsn()) == 0;
    return lsn() + (needs_header ? page_header_bytes_at(lsn(), identity_.segment_size) : 0);
}

Result<WrittenRecord> WalWriter::put_record(const RecordHeader& header,
                                            const RecordContent& content) {
    if (page_offset(lsn()) == 0) put_page_header(0);
    WrittenRecord written{lsn(), {}, {}};
    Bytes header_bytes;
    encode_record_header(header, header_bytes);
    std::uint32_t left = header.total_bytes;
    for (const ByteView part : {ByteView(header_bytes), ByteView(content.head), content.tail})
        if (auto put = put_part(part, left); !put) return put.error();
    written.end = lsn();
    // A page ends at a multiple of 8: there is room for the padding.
    buffer_.resize(buffer_.size() + align_record(lsn()).value() - lsn().value());
    if (auto handed = hand_over_full_page(); !handed) return handed.error();
    written.next = lsn();
    previous_ = written.start;
    return written;
}

Result<std::optional<WrittenRecord>> WalWriter::append_switch() {
    const std::uint32_t offset = identity_.segment_size.offset_of(lsn());
    const bool at_segment_start = offset == 0 || offset == long_page_header_bytes;
    if (at_segment_start && !failure_) return std::optional<WrittenRecord>();
    RecordContent content;
    content.resource_manager = rm_xlog_id;
    content.info = xlog_switch;
    auto written = append(content);
    if (!written) return written.error();
    if (auto filled = put_zeros_to_segment_end(); !filled) return filled.error();
    written->next = lsn();
    return std::optional(*written);
}

Result<void> WalWriter::flush() {
    if (failure_) return *failure_;
    return hand_over();
}

Result<void> WalWriter::finish() {
    if (failure_) return *failure_;
    return put_zeros_to_segment_end();
}

void WalWriter::put_page_header(std::uint32_t rem_len) {
    encode_page_header(make_page_header(identity_, lsn(), rem_len), buffer_);
}

Result<void> WalWriter::put_part(ByteView bytes, std::uint32_t& record_bytes_left) {
    while (!bytes.empty()) {
        if (page_offset(lsn()) == 0) put_page_header(record_bytes_left);
        const std::size_t here = std::min<std::size_t>(bytes.size(), page_left());
        sluice::append(buffer_, bytes.first(here));
        bytes = bytes.subspan(here);
        record_bytes_left -= static_cast<std::uint32_t>(here);
        if (auto handed = hand_over_full_page(); !handed) return handed;
    }
    return {};
}

Result<void> WalWriter::put_zeros_to_segment_end() {
    if (auto handed = hand_over(); !handed) return handed;
    const Lsn end = identity_.segment_size.round_up(buffer_start_);
    auto written = write_zeros(buffer_start_, end, *sink_);
    if (!written) {
        failure_ = written.error();
        return written;
    }
    buffer_start_ = end;
    return {};
}

Result<void> WalWriter::hand_over_full_page() {
    return page_offset(lsn()) == 0 ? hand_over() : Result<void>();
}

Result<void> WalWriter::hand_over() {
    if (buffer_.empty()) return {};
    auto written = sink_->write(buffer_start_, buffer_);
    if (!written) {
        failure_ = written.error();
        return written;
    }
    buffer_start_ = lsn();
    buffer_.clear();
    return {};
}

Result<void> write_segment_start(const WalIdentity& identity, Lsn start, WalSink& sink) {
    const SegmentSize size = identity.segment_size;
    if (auto checked = check_start(start, size); !checked) return checked;
    const Lsn segment = size.start_of(size.segment_of(start));
    const Lsn page = page_of(start);
    const std::uint32_t passed_over = bytes_after_page_header(start, size);
    Lsn written = segment;
    Bytes header;
    // The segment's first page, unless it is the page of `start`, which follows.
    if (page != segment) {
        encode_page_header(make_page_header(identity, segment, 0), header);
        if (auto put = sink.write(segment, header); !put) return put;
        written = segment + header.size();
        if (auto put = write_zeros(written, page, sink); !put) return put;
        header.clear();
    }
    if (start == page) return {};
    encode_page_header(make_page_header(identity, page, passed_over), header);
    if (auto put = sink.write(page, header); !put) return put;
    return write_zeros(page + header.size(), start, sink);
}

}  // namespace sluice::pgwal
