#include "tests/bench/backend/report.hpp"

#include <iostream>
#include <string>
#include <string_view>
#include <vector>

// bench_backend [--strict] [options of Google Benchmark]
// Prints tables in Markdown. Exits 1 when a message or a query cost more allocations than it may, with
// --strict also when another bar was missed.
int main(int argc, char** argv) {
    using namespace sluice::bench;

    // What is compared is measured in turns, so that slow drift of the machine cancels out.
    std::string interleaving = "--benchmark_enable_random_interleaving=true";
    std::string repetitions = "--benchmark_repetitions=9";
    std::string time = "--benchmark_min_time=0.2";
    std::vector<char*> arguments{argv[0], interleaving.data(), repetitions.data(), time.data()};
    bool strict = false;
    for (int i = 1; i < argc; ++i) {
        if (std::string_view(argv[i]) == "--strict") {
            strict = true;
        } else {
            arguments.push_back(argv[i]);
        }
    }
    int count = static_cast<int>(arguments.size());
    benchmark::Initialize(&count, arguments.data());
    if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 2;

    std::vector<Workload> workloads = register_codec_benchmarks();
    Collector results;
    benchmark::RunSpecifiedBenchmarks(&results);
    if (results.failed()) return 1;
    // --benchmark_filter may have left some out.
    std::erase_if(workloads, [&](const Workload& workload) {
        return !results.has(workload.decode) || !results.has(workload.encode) ||
               !results.has(workload.copy);
    });
    const Report report = make_report(results, workloads, measure_queries());
    std::cout << report.text;
    return report.allocates || (strict && !report.all_met) ? 1 : 0;
}
