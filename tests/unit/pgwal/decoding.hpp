#pragma once

#include "common/pgwal/decoder.hpp"
#include "tests/unit/pgwal/wal_builder.hpp"

#include <vector>

namespace sluice::pgwal {

// What a decoder said about WAL that was fed to it.
struct Decoded {
    std::vector<WalBuilder::Record> records;
    WalStep last = WalStep::need_more;
    WalError error;
    Lsn records_end;
    Lsn open_record;
};

inline WalDecoderOptions options_for(const WalBuilder& wal) {
    WalDecoderOptions options{wal.major, wal.segment_size(), wal.start()};
    options.body = RecordBody::keep;
    return options;
}

inline void take_records(WalDecoder& decoder, ByteView piece, Decoded& decoded) {
    while ((decoded.last = decoder.next(piece)) == WalStep::record) {
        const WalRecord& record = decoder.record();
        decoded.records.push_back({record.start,
                                   record.end,
                                   record.next,
                                   Bytes(record.bytes.begin(), record.bytes.end()),
                                   record.overwritten});
    }
}

// Feeds pieces of `piece_bytes`, every one from memory of its own, so that a read past it is seen.
inline Decoded decode(const WalDecoderOptions& options, ByteView wal, std::size_t piece_bytes) {
    WalDecoder decoder(options);
    Decoded decoded;
    do {
        const std::size_t bytes = std::min(piece_bytes, wal.size());
        const Bytes piece(wal.begin(), wal.begin() + static_cast<std::ptrdiff_t>(bytes));
        wal = wal.subspan(bytes);
        take_records(decoder, piece, decoded);
    } while (!wal.empty() && decoded.last == WalStep::need_more);
    decoded.error = decoder.error();
    decoded.records_end = decoder.records_end();
    decoded.open_record = decoder.open_record();
    return decoded;
}

inline Decoded decode(const WalBuilder& wal) {
    return decode(options_for(wal), wal.bytes(), wal.bytes().size());
}

inline bool same(const WalBuilder::Record& left, const WalBuilder::Record& right) {
    return left.start == right.start && left.end == right.end && left.next == right.next &&
           left.bytes == right.bytes && left.overwritten == right.overwritten;
}

inline bool same(const std::vector<WalBuilder::Record>& left,
                 const std::vector<WalBuilder::Record>& right) {
    return std::equal(
        left.begin(), left.end(), right.begin(), right.end(), [](const auto& a, const auto& b) {
            return same(a, b);
        });
}

}  // namespace sluice::pgwal
