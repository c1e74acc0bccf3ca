// Tests of the WAL decoder with the files of real servers.
//
//   sluice-test-wal records FOLDER START SEED   the records, from pieces of random size
//   sluice-test-wal ends FOLDER START...        where find_end_of_wal() ends from each start
//
// START is where a record starts. Output: one line of words for each record or start.

#include "common/pgwal/end_of_wal.hpp"
#include "ctl/must.hpp"
#include "ctl/wal_files.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

using namespace sluice;

namespace {

constexpr std::size_t read_bytes = 256U << 10U;

Lsn parse_lsn(const std::string& text) {
    const auto lsn = Lsn::parse(text);
    if (!lsn) throw std::invalid_argument("no LSN: " + text);
    return *lsn;
}

pgwal::WalDecoderOptions decoder_options(const ctl::WalFiles& files, Lsn start) {
    return {.major = files.major(), .segment_size = files.segment_size(), .start = start};
}

ctl::WalFileSource newest_timeline(const ctl::WalFiles& files) {
    return ctl::must(ctl::WalFileSource::load(
        files, files.timelines().back(), ctl::WalFileSource::Ancestors::read));
}

// Mostly small pieces, so that every field of a header is cut somewhere; now and then a large one.
class PieceSizes {
public:
    explicit PieceSizes(std::uint64_t seed) : random_(seed) {}

    std::size_t next() {
        const auto kind = random_() % 8;
        if (kind < 4) return 1 + random_() % 40;
        if (kind < 7) return 1 + random_() % 9000;
        return 1 + random_() % read_bytes;
    }

private:
    std::mt19937_64 random_;
};

void print(const pgwal::WalRecord& record) {
    const auto& header = record.header;
    fmt::print("{} {} {} {} {} {} {} {}\n",
               record.start.to_string(),
               record.next.to_string(),
               header.total_bytes,
               header.xid,
               header.resource_manager,
               header.info,
               header.previous.to_string(),
               header.crc);
}

// The body is kept, which takes the other half of the decoder's paths; its length must fit.
void check_body(const pgwal::WalRecord& record) {
    if (record.bytes.size() != record.header.total_bytes)
        throw std::logic_error("the body of " + record.start.to_string() + " is not whole");
}

int print_records(const ctl::WalFiles& files, Lsn start, std::uint64_t seed) {
    auto source = newest_timeline(files);
    auto options = decoder_options(files, start);
    options.body = pgwal::RecordBody::keep;
    pgwal::WalDecoder decoder(options);
    PieceSizes sizes(seed);
    Bytes buffer(read_bytes);
    for (;;) {
        const auto got = ctl::must(source.read(decoder.position(), buffer));
        if (got == 0) return 0;
        auto input = ByteView(buffer).first(std::min(got, sizes.next()));
        auto step = decoder.next(input);
        for (; step == pgwal::WalStep::record; step = decoder.next(input)) {
            check_body(decoder.record());
            print(decoder.record());
        }
        if (step != pgwal::WalStep::need_more) return 0;
    }
}

int print_ends(const ctl::WalFiles& files, const std::vector<std::string>& starts) {
    for (const auto& start : starts) {
        auto source = newest_timeline(files);
        const auto end =
            ctl::must(pgwal::find_end_of_wal(source, decoder_options(files, parse_lsn(start))));
        fmt::print("{} {} {}\n", start, end.lsn.to_string(), end.records);
    }
    return 0;
}

int run(const std::vector<std::string>& arguments) {
    if (arguments.size() < 3) throw std::invalid_argument("see the top of main.cpp");
    const auto files = ctl::must(ctl::WalFiles::load_folder(arguments.at(1)));
    if (arguments.front() == "records")
        return print_records(files, parse_lsn(arguments.at(2)), std::stoull(arguments.at(3)));
    if (arguments.front() == "ends")
        return print_ends(files, {arguments.begin() + 2, arguments.end()});
    throw std::invalid_argument("unknown command " + arguments.front());
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run({argv + 1, argv + argc});
    } catch (const std::exception& problem) {
        fmt::print(stderr, "error: {}\n", problem.what());
        return 1;
    }
}
