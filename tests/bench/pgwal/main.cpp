// bench_pgwal FOLDER START END ROUNDS
// Decodes WAL that is in memory, with and without checksums, and computes the bare CRC-32C of the
// same bytes, in turns. Prints a JSON array with an object for each round: bytes, records, and CPU
// seconds of each. tests/bench/pgwal/run calls it.

#include "common/base/crc32c.hpp"
#include "common/pgwal/decoder.hpp"
#include "ctl/must.hpp"
#include "ctl/wal_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <stdexcept>
#include <string>
#include <vector>

using namespace sluice;

namespace {

constexpr std::size_t piece_bytes = 128U << 10U;

double cpu_seconds() {
    timespec now{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

Lsn parse_lsn(const std::string& text) {
    const auto lsn = Lsn::parse(text);
    if (!lsn) throw std::invalid_argument("no LSN: " + text);
    return *lsn;
}

Bytes load(const ctl::WalFiles& files, Lsn start, Lsn end) {
    auto source = ctl::must(ctl::WalFileSource::load(
        files, files.timelines().back(), ctl::WalFileSource::Ancestors::read));
    Bytes bytes(end.value() - start.value());
    for (std::size_t got = 0; got < bytes.size();) {
        const auto more = ctl::must(source.read(start + got, ByteSpan(bytes).subspan(got)));
        if (more == 0) throw std::runtime_error("the WAL ends before " + end.to_string());
        got += more;
    }
    return bytes;
}

struct Wal {
    pgwal::WalDecoderOptions options;
    Bytes bytes;
};

std::uint64_t decode(const Wal& wal, pgwal::RecordChecksum checksum) {
    auto options = wal.options;
    options.checksum = checksum;
    pgwal::WalDecoder decoder(options);
    std::uint64_t records = 0;
    for (std::size_t at = 0; at < wal.bytes.size(); at += piece_bytes) {
        auto input = ByteView(wal.bytes).subspan(at, std::min(piece_bytes, wal.bytes.size() - at));
        auto step = decoder.next(input);
        for (; step == pgwal::WalStep::record; step = decoder.next(input)) ++records;
        if (step == pgwal::WalStep::failed) throw std::runtime_error(decoder.error().reason);
        if (step == pgwal::WalStep::end_of_wal) break;
    }
    return records;
}

std::uint32_t crc_of(const Wal& wal) {
    std::uint32_t crc = 0;
    for (std::size_t at = 0; at < wal.bytes.size(); at += piece_bytes)
        crc = crc32c(ByteView(wal.bytes).subspan(at, std::min(piece_bytes, wal.bytes.size() - at)),
                     crc);
    return crc;
}

template <class Work>
double seconds_of(Work work) {
    const double before = cpu_seconds();
    work();
    return cpu_seconds() - before;
}

void run(const std::vector<std::string>& arguments) {
    const auto files = ctl::must(ctl::WalFiles::load_folder(arguments.at(0)));
    const auto start = parse_lsn(arguments.at(1));
    Wal wal{{.major = files.major(), .segment_size = files.segment_size(), .start = start},
            load(files, start, parse_lsn(arguments.at(2)))};
    const int rounds = std::stoi(arguments.at(3));
    std::uint32_t sink = crc_of(wal);  // warms the memory up
    fmt::print("[");
    for (int round = 0; round < rounds; ++round) {
        std::uint64_t records = 0;
        const double crc = seconds_of([&] { sink ^= crc_of(wal); });
        const double decoded =
            seconds_of([&] { records = decode(wal, pgwal::RecordChecksum::verify); });
        const double framed =
            seconds_of([&] { records = decode(wal, pgwal::RecordChecksum::ignore); });
        fmt::print(R"({}{{"bytes":{},"records":{},"crc":{},"decode":{},"frame":{}}})",
                   round == 0 ? "" : ",",
                   wal.bytes.size(),
                   records,
                   crc,
                   decoded,
                   framed);
    }
    fmt::print("]\n");
    // Keeps the compiler from dropping the computation.
    if (sink == 0x5A5A5A5A) fmt::print(stderr, "\n");
}

}  // namespace

int main(int argc, char** argv) {
    try {
        run({argv + 1, argv + argc});
        return 0;
    } catch (const std::exception& problem) {
        fmt::print(stderr, "error: {}\n", problem.what());
        return 1;
    }
}
