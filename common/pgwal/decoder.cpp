#include "common/pgwal/decoder.hpp"

#include "common/base/crc32c.hpp"

#include <boost/endian/conversion.hpp>

#include <algorithm>
#include <cstring>

namespace sluice::pgwal {

namespace {

// An assembled record that is larger gives its memory back when the next one starts.
constexpr std::size_t assembled_bytes_kept = 1U << 20U;

bool all_zero(ByteView bytes) {
    return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte == 0; });
}

// No cluster gets there, and no position after it wraps around.
constexpr Lsn start_max(std::uint64_t{1} << 63U);

bool is_possible_start(const WalDecoderOptions& options) {
    if (options.start > start_max) return false;
    if (options.start_at == WalStart::first_record)
        return options.start.valid() && page_offset(options.start) == 0;
    const std::uint32_t offset = options.segment_size.offset_of(options.start);
    return can_start_record(options.start) && (offset == 0 || offset >= long_page_header_bytes);
}

std::string at(Lsn lsn) { return " at " + lsn.to_string(); }

}  // namespace

WalDecoder::WalDecoder(const WalDecoderOptions& options)
    : options_(options),
      layout_(layout_of(options.major)),
      position_(options.start),
      skip_until_(options.start),
      records_end_(options.start),
      system_id_(options.system_id),
      timeline_(options.timeline_min),
      synchronised_(options.start_at == WalStart::at_record) {
    if (!is_possible_start(options_))
        fail({Errc::invalid_start,
              options_.start,
              std::string(synchronised_ ? "a record" : "a page") + " of WAL cannot start" +
                  at(options_.start)});
}

inline void WalDecoder::advance(ByteView& input, std::size_t bytes) {
    input = input.subspan(bytes);
    position_ = position_ + bytes;
}

inline void WalDecoder::on_record(Lsn end) {
    record_.end = end;
    record_.next = align_record(end);
    if (record_.header.is_switch()) [[unlikely]]
        record_.next = options_.segment_size.round_up(record_.next);
    record_.overwritten = overwritten_;
    overwritten_ = Lsn();
    previous_ = record_.start;
    skip_until_ = record_.next;
    records_end_ = record_.next;
}

// The common case, a record that lies in the input from end to end: nothing to put together, and no
// state to keep. Goes on when there is none.
inline WalStep WalDecoder::take_whole_record(ByteView& input) {
    if (page_offset(position_) == 0) return go_on;
    const std::size_t here = std::min<std::size_t>(input.size(), page_left());
    if (here < record_header_bytes) return go_on;
    const std::uint32_t bytes = boost::endian::load_little_u32(input.data());
    if (bytes < record_header_bytes || bytes > here) return go_on;

    const ByteView raw = input.first(bytes);
    record_.start = position_;
    record_.header = decode_record_header(raw);
    if (find_header_fault(layout_, position_, record_.header, previous_)) [[unlikely]]
        return fail_on_header();
    if (options_.checksum == RecordChecksum::verify &&
        record_crc(raw, raw.subspan(record_header_bytes)) != record_.header.crc) [[unlikely]]
        return fail_on_checksum();
    record_.bytes = options_.body == RecordBody::keep ? raw : ByteView{};
    on_record(position_ + bytes);
    // The padding mostly is there as well; it is not worth a step of its own.
    advance(input, std::min<std::size_t>(align_record(std::uint64_t{bytes}), input.size()));
    return WalStep::record;
}

WalStep WalDecoder::next(ByteView& input) {
    if (state_ == State::between_records && position_ == skip_until_)
        if (const WalStep done = take_whole_record(input); done != go_on) return done;
    if (state_ == State::failed) return WalStep::failed;
    if (state_ == State::end_of_wal) return WalStep::end_of_wal;
    while (!input.empty())
        if (const WalStep done = step(input); done != go_on) return done;
    return WalStep::need_more;
}

// Uses up at least one byte, or ends the call.
WalStep WalDecoder::step(ByteView& input) {
    if (position_ < skip_until_) {
        const std::uint64_t bytes = skip_until_.value() - position_.value();
        advance(input, std::min<std::uint64_t>(bytes, input.size()));
        return go_on;
    }
    if (page_offset(position_) == 0) return take_page_header(input);
    switch (state_) {
    case State::in_record:
        return bytes_got_ < record_header_bytes ? take_header_part(input) : take_body_part(input);
    case State::in_lost_record: take_lost_record(input); return go_on;
    default: return take_record(input);
    }
}

WalStep WalDecoder::take_page_header(ByteView& input) {
    if (page_fragment_bytes_ == 0) {
        if (const auto header = decode_page_header(input)) {
            input = input.subspan(header->bytes());
            return on_page_header(*header);
        }
    }
    const auto fragment = [this] { return ByteView(page_fragment_).first(page_fragment_bytes_); };
    while (page_fragment_bytes_ < page_header_bytes_wanted(fragment())) {
        if (input.empty()) return go_on;
        page_fragment_[page_fragment_bytes_++] = input.front();
        input = input.subspan(1);
    }
    const auto header = decode_page_header(fragment());
    page_fragment_bytes_ = 0;
    return on_page_header(*header);
}

WalStep WalDecoder::on_page_header(const PageHeader& header) {
    if (state_ == State::between_records && header == PageHeader{}) {
        state_ = State::end_of_wal;
        return WalStep::end_of_wal;
    }
    const PageExpectation want{
        options_.major, options_.segment_size, position_, system_id_, timeline_};
    if (auto error = check_page_header(header, want)) return fail(*std::move(error));
    if (header.is_long()) system_id_ = header.system_id;
    timeline_ = header.timeline;

    if (state_ == State::in_record) {
        if (on_page_in_record(header) == WalStep::failed) return WalStep::failed;
    } else if (state_ == State::in_lost_record || !synchronised_) {
        if (on_page_in_lost_record(header) == WalStep::failed) return WalStep::failed;
    }
    if (state_ == State::between_records && header.continues_record())
        return fail_on_page(Errc::unexpected_continuation,
                            "a continuation of " + std::to_string(header.rem_len) +
                                " bytes where no record is open,");
    position_ = position_ + header.bytes();
    return go_on;
}

WalStep WalDecoder::on_page_in_record(const PageHeader& header) {
    if (!header.overwrites_record())
        return check_continuation(header, record_.header.total_bytes - bytes_got_);
    overwritten_ = open_record_;
    open_record_ = Lsn();
    state_ = State::between_records;
    return go_on;
}

WalStep WalDecoder::on_page_in_lost_record(const PageHeader& header) {
    if (!synchronised_) {
        synchronised_ = true;
        lost_bytes_ = header.continues_record() ? header.rem_len : 0;
    } else if (header.overwrites_record()) {
        lost_bytes_ = 0;
    } else if (check_continuation(header, lost_bytes_) == WalStep::failed) {
        return WalStep::failed;
    }
    state_ = lost_bytes_ != 0 ? State::in_lost_record : State::between_records;
    if (state_ == State::between_records) records_end_ = position_;
    return go_on;
}

WalStep WalDecoder::check_continuation(const PageHeader& header, std::uint32_t bytes_left) {
    const std::string whose = open_record_.valid() ? " of the record" + at(open_record_) : "";
    if (!header.continues_record())
        return fail_on_page(Errc::missing_continuation, "no continuation" + whose);
    if (header.rem_len != bytes_left)
        return fail_on_page(Errc::wrong_continuation_length,
                            "a continuation of " + std::to_string(header.rem_len) + " instead of " +
                                std::to_string(bytes_left) + " bytes" + whose);
    return go_on;
}

WalStep WalDecoder::take_record(ByteView& input) {
    if (const WalStep done = take_whole_record(input); done != go_on) return done;
    open_record_ = position_;
    record_.start = position_;
    state_ = State::in_record;
    first_part_bytes_ = std::min(page_left(), record_header_bytes);
    bytes_got_ = 0;
    body_crc_ = 0;
    if (assembled_.capacity() > assembled_bytes_kept) assembled_ = Bytes();
    assembled_.clear();
    return take_header_part(input);
}

// Collects the header. Its length field is always in the first part, because a page has room for at
// least eight bytes wherever a record starts.
WalStep WalDecoder::take_header_part(ByteView& input) {
    const bool first = bytes_got_ < first_part_bytes_;
    const std::uint32_t until = first ? first_part_bytes_ : record_header_bytes;
    const std::size_t bytes = std::min<std::size_t>(until - bytes_got_, input.size());
    std::memcpy(&header_[bytes_got_], input.data(), bytes);
    bytes_got_ += static_cast<std::uint32_t>(bytes);
    advance(input, bytes);
    if (first && bytes_got_ == first_part_bytes_)
        if (const WalStep done = on_first_part(); done != go_on) return done;
    if (bytes_got_ < record_header_bytes) return go_on;

    record_.header = decode_record_header(header_);
    if (find_header_fault(layout_, record_.start, record_.header, previous_))
        return fail_on_header();
    if (options_.body == RecordBody::keep) append(assembled_, ByteView(header_));
    return record_.header.total_bytes == record_header_bytes ? finish_open_record(0) : go_on;
}

WalStep WalDecoder::on_first_part() {
    if (all_zero(ByteView(header_).first(first_part_bytes_))) {
        position_ = open_record_;
        open_record_ = Lsn();
        state_ = State::end_of_wal;
        return WalStep::end_of_wal;
    }
    // What the next page says of the continuation is checked against it.
    record_.header.total_bytes = boost::endian::load_little_u32(header_.data());
    if (auto error = check_record_length(options_.major, record_.start, record_.header.total_bytes))
        return fail_on_record(*std::move(error));
    return go_on;
}

WalStep WalDecoder::take_body_part(ByteView& input) {
    const std::size_t left = record_.header.total_bytes - bytes_got_;
    const std::size_t bytes = std::min({left, input.size(), std::size_t{page_left()}});
    const ByteView part = input.first(bytes);
    if (options_.checksum == RecordChecksum::verify) body_crc_ = crc32c(part, body_crc_);
    if (options_.body == RecordBody::keep) append(assembled_, part);
    bytes_got_ += static_cast<std::uint32_t>(bytes);
    advance(input, bytes);
    return bytes == left ? finish_open_record(body_crc_) : go_on;
}

WalStep WalDecoder::finish_open_record(std::uint32_t body_crc) {
    if (options_.checksum == RecordChecksum::verify &&
        record_crc_after_body(header_, body_crc) != record_.header.crc)
        return fail_on_checksum();
    state_ = State::between_records;
    open_record_ = Lsn();
    record_.bytes = assembled_;
    on_record(position_);
    return WalStep::record;
}

void WalDecoder::pass_unused() { position_ = std::max(position_, skip_until_); }

void WalDecoder::take_lost_record(ByteView& input) {
    const std::size_t bytes =
        std::min({std::size_t{lost_bytes_}, input.size(), std::size_t{page_left()}});
    lost_bytes_ -= static_cast<std::uint32_t>(bytes);
    advance(input, bytes);
    if (lost_bytes_ != 0) return;
    state_ = State::between_records;
    skip_until_ = align_record(position_);
    records_end_ = skip_until_;
}

WalStep WalDecoder::fail(WalError error) {
    error_ = std::move(error);
    state_ = State::failed;
    return WalStep::failed;
}

// What is no record is not open either.
WalStep WalDecoder::fail_on_record(WalError error) {
    open_record_ = Lsn();
    return fail(std::move(error));
}

WalStep WalDecoder::fail_on_header() {
    return fail_on_record(
        *check_record_header(options_.major, record_.start, record_.header, previous_));
}

WalStep WalDecoder::fail_on_checksum() {
    return fail_on_record({Errc::wrong_checksum,
                           record_.start,
                           "checksum of the WAL record" + at(record_.start) + " is wrong"});
}

WalStep WalDecoder::fail_on_page(Errc code, std::string what) {
    return fail({code, position_, std::move(what) + " on the WAL page" + at(position_)});
}

}  // namespace sluice::pgwal
