#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace sluice::bench {

// A stream of equal messages, and the benchmarks of it by their names in Google Benchmark.
struct Workload {
    std::string messages;  // what they are
    std::size_t stream_bytes = 0;
    bool rows = false;
    std::string decode;
    std::string encode;
    std::string copy;  // memcpy of the encoded stream
};

// Registers the benchmarks and tells which there are.
std::vector<Workload> register_codec_benchmarks();

}  // namespace sluice::bench
