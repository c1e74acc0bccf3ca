#include "common/pgwal/end_of_wal.hpp"

namespace sluice::pgwal {

namespace {

// Enough for a read to cost little beside the checksums, and still within the processor's cache.
constexpr std::size_t read_bytes = 128U << 10U;

// All records of one piece of input.
WalStep take_records(WalDecoder& decoder, ByteView input, EndOfWal& end) {
    WalStep step = decoder.next(input);
    for (; step == WalStep::record; step = decoder.next(input)) {
        ++end.records;
        end.last_record = decoder.record().start;
    }
    return step;
}

WalTail tail_after(WalStep last) {
    switch (last) {
    case WalStep::end_of_wal: return WalTail::zeros;
    case WalStep::failed: return WalTail::damage;
    case WalStep::record:
    case WalStep::need_more: break;
    }
    return WalTail::missing;
}

}  // namespace

Result<EndOfWal> find_end_of_wal(SegmentSource& source, WalDecoderOptions options) {
    options.body = RecordBody::skip;
    WalDecoder decoder(options);
    EndOfWal end;
    WalStep last = take_records(decoder, {}, end);
    if (last == WalStep::failed) return decoder.error().to_error();

    Bytes buffer(read_bytes);
    while (last == WalStep::need_more) {
        decoder.pass_unused();
        const auto got = source.read(decoder.position(), buffer);
        if (!got) return got.error();
        if (*got == 0) break;
        last = take_records(decoder, ByteView(buffer).first(*got), end);
    }
    end.lsn = decoder.records_end();
    end.timeline = decoder.timeline();
    end.tail = tail_after(last);
    end.stop = decoder.position();
    end.open_record = decoder.open_record();
    end.error = decoder.error();
    return end;
}

}  // namespace sluice::pgwal
