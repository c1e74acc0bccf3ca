#pragma once

#include "tests/bench/backend/codec_bench.hpp"
#include "tests/bench/backend/session_bench.hpp"

#include <benchmark/benchmark.h>

#include <map>
#include <string>
#include <vector>

namespace sluice::bench {

// What one benchmark gave, once for each repetition.
struct Samples {
    std::vector<double> messages_per_second;
    std::vector<double> bytes_per_second;
    double allocations_per_message = 0;  // the most
};

// Keeps the results instead of printing them.
class Collector : public benchmark::BenchmarkReporter {
public:
    bool ReportContext(const Context& context) override;
    void ReportRuns(const std::vector<Run>& runs) override;

    bool has(const std::string& name) const { return samples_.contains(name); }
    const Samples& samples(const std::string& name) const { return samples_.at(name); }
    bool failed() const { return failed_; }

private:
    std::map<std::string, Samples> samples_;
    bool failed_ = false;
};

// What the library promises (docs/benchmarks.md).
struct Bar {
    std::string name;
    std::string bound;
    std::string measured;
    bool met = false;
};
struct Report {
    std::string text;  // tables in Markdown
    bool all_met = false;
    bool allocates = false;  // more than promised
};
Report make_report(const Collector& results,
                   const std::vector<Workload>& workloads,
                   const std::vector<QueryCost>& queries);

}  // namespace sluice::bench
