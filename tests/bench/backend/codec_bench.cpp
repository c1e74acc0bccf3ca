#include "tests/bench/backend/codec_bench.hpp"

#include "backend/protocol/backend.hpp"
#include "backend/protocol/copy_messages.hpp"
#include "backend/protocol/frame.hpp"
#include "common/base/assert.hpp"
#include "tests/bench/backend/allocations.hpp"

#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>

namespace sluice::bench {

namespace {

constexpr std::size_t body_bytes_max = 1U << 20U;
constexpr std::size_t row_message_bytes = 64;
constexpr std::size_t copy_payload_bytes = 1024;
constexpr std::size_t page_bytes = 4096;
// One that stays in the second-level cache, and one that does not.
constexpr std::size_t stream_sizes[] = {256U << 10U, 64U << 20U};

using Row = std::vector<std::optional<std::string>>;

// A row whose DataRow has 64 bytes in all.
Row make_row(std::size_t columns) {
    const std::size_t bytes = row_message_bytes - pg::frame_header_size - 2 - 4 * columns;
    Row row(columns, std::string(bytes / columns, 'x'));
    row.back()->append(bytes % columns, 'x');
    return row;
}

// One kind of message: how many it takes to fill a stream, how to write and to read them.
struct Kind {
    std::string name;
    std::size_t message_bytes = 0;
    std::function<void(Bytes& out, std::size_t count)> encode;
    std::function<std::size_t(ByteView in)> decode;  // how many messages there were
};

// Cuts `in` into its messages; `accept` looks at each.
template <typename Accept>
std::size_t decode_frames(ByteView in, Accept accept) {
    std::size_t count = 0;
    for (;;) {
        const pg::FrameLook look = pg::look_at_frame(in, body_bytes_max);
        if (look.state != pg::FrameLook::State::complete || !accept(look.frame)) return count;
        in = in.subspan(look.frame.size());
        ++count;
    }
}

Kind rows(std::size_t columns) {
    Kind kind;
    kind.name =
        "DataRow of 64 bytes, " + std::to_string(columns) + (columns == 1 ? " column" : " columns");
    kind.message_bytes = row_message_bytes;
    kind.encode = [row = make_row(columns)](Bytes& out, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) SLUICE_ASSERT(pg::encode_data_row(out, row));
    };
    kind.decode = [columns](ByteView in) {
        return decode_frames(in, [columns](const pg::Frame& frame) {
            if (frame.tag != 'D') return false;
            const auto row = pg::view_data_row(frame.body);
            return row && row->size() == columns;
        });
    };
    return kind;
}

Kind copy_data() {
    Kind kind;
    kind.name = "CopyData of 1 KiB";
    kind.message_bytes = pg::frame_header_size + copy_payload_bytes;
    kind.encode = [payload = Bytes(copy_payload_bytes, 'x')](Bytes& out, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) pg::encode_copy_data(out, payload);
    };
    kind.decode = [](ByteView in) {
        return decode_frames(in, [](const pg::Frame& frame) {
            benchmark::DoNotOptimize(frame.body.data());
            return frame.tag == 'd' && frame.body.size() == copy_payload_bytes;
        });
    };
    return kind;
}

// Runs `work` on the whole stream again and again, and counts what it allocates.
template <typename Work>
void measure(benchmark::State& state, std::size_t messages, std::size_t bytes, Work work) {
    std::size_t allocated = 0;
    for (auto _ : state) {
        const std::size_t before = allocations();
        work();
        benchmark::ClobberMemory();
        allocated += allocations() - before;
    }
    const auto iterations = static_cast<std::size_t>(state.iterations());
    state.SetItemsProcessed(static_cast<std::int64_t>(iterations * messages));
    state.SetBytesProcessed(static_cast<std::int64_t>(iterations * bytes));
    state.counters["allocations"] =
        static_cast<double>(allocated) / static_cast<double>(iterations * messages);
}

// Where in `space`, which has a page to spare, to copy `source`. memcpy can be many times slower when
// both lie at nearly the same place of a page, and where the heap puts them is chance.
std::uint8_t* copy_target(Bytes& space, const Bytes& source) {
    const auto to = reinterpret_cast<std::uintptr_t>(space.data());
    const auto from = reinterpret_cast<std::uintptr_t>(source.data());
    return space.data() + (from + page_bytes / 2 - to) % page_bytes;
}

Workload register_workload(const Kind& kind, std::size_t stream_bytes) {
    Workload workload;
    workload.messages = kind.name;
    workload.stream_bytes = stream_bytes;
    workload.rows = kind.message_bytes == row_message_bytes;
    const std::string suffix = "/" + kind.name + "/" + std::to_string(stream_bytes);
    workload.decode = "decode" + suffix;
    workload.encode = "encode" + suffix;
    workload.copy = "memcpy" + suffix;

    const std::size_t count = stream_bytes / kind.message_bytes;
    const auto stream = std::make_shared<Bytes>();
    const auto out = std::make_shared<Bytes>();
    kind.encode(*stream, count);
    SLUICE_ASSERT(stream->size() == count * kind.message_bytes);
    // A buffer that has been used before: its pages are there.
    out->resize(stream->size() + page_bytes);

    benchmark::RegisterBenchmark(workload.decode.c_str(), [=](benchmark::State& state) {
        measure(state, count, stream->size(), [&] {
            if (kind.decode(*stream) != count) state.SkipWithError("not all were decoded");
        });
    });
    benchmark::RegisterBenchmark(workload.encode.c_str(), [=](benchmark::State& state) {
        measure(state, count, stream->size(), [&] {
            out->clear();
            kind.encode(*out, count);
        });
        if (*out != *stream) state.SkipWithError("another stream was encoded");
    });
    benchmark::RegisterBenchmark(workload.copy.c_str(), [=](benchmark::State& state) {
        out->resize(stream->size() + page_bytes);
        std::uint8_t* const target = copy_target(*out, *stream);
        measure(state, count, stream->size(), [&] {
            std::memcpy(target, stream->data(), stream->size());
        });
    });
    return workload;
}

}  // namespace

std::vector<Workload> register_codec_benchmarks() {
    std::vector<Workload> workloads;
    for (const Kind& kind : {rows(1), rows(4), copy_data()}) {
        for (const std::size_t bytes : stream_sizes) {
            workloads.push_back(register_workload(kind, bytes));
        }
    }
    return workloads;
}

}  // namespace sluice::bench
