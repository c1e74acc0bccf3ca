#include "tests/bench/backend/report.hpp"

#include <algorithm>
#include <iostream>

namespace sluice::bench {

namespace {

constexpr double rows_per_second_min = 60e6;
constexpr double encode_ratio_min = 0.5;  // of memcpy
constexpr double decode_ratio_min = 1;

std::string number(double value, int digits) {
    char text[64];
    std::snprintf(text, sizeof text, "%.*f", digits, value);
    return text;
}

std::string mega(double value) { return number(value / 1e6, 1); }
std::string giga(double value) { return number(value / 1e9, 2); }

std::string size_text(std::size_t bytes) {
    return bytes < (1U << 20U) ? std::to_string(bytes >> 10U) + " KiB"
                               : std::to_string(bytes >> 20U) + " MiB";
}

double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

using Cells = std::vector<std::string>;

std::string line(const Cells& cells) {
    std::string text = "|";
    for (const std::string& cell : cells) text += " " + cell + " |";
    return text + "\n";
}

// The rates of a workload: medians over the repetitions.
struct Rates {
    double decoded_messages, decoded, encoded_messages, encoded, copied;
};

Rates rates(const Collector& results, const Workload& workload) {
    const Samples& decode = results.samples(workload.decode);
    const Samples& encode = results.samples(workload.encode);
    return {median(decode.messages_per_second),
            median(decode.bytes_per_second),
            median(encode.messages_per_second),
            median(encode.bytes_per_second),
            median(results.samples(workload.copy).bytes_per_second)};
}

Bar ratio_bar(const std::string& name, double rate, double copied, double bound) {
    const double ratio = rate / copied;
    return {name, ">= " + number(bound, 1) + " of memcpy", number(ratio, 2), ratio >= bound};
}

std::vector<Bar> workload_bars(const Workload& workload, const Rates& rate) {
    const std::string where = workload.messages + ", stream of " + size_text(workload.stream_bytes);
    std::vector<Bar> bars;
    if (workload.rows) {
        bars.push_back({"decode " + where,
                        ">= " + mega(rows_per_second_min) + " M/s",
                        mega(rate.decoded_messages) + " M/s",
                        rate.decoded_messages >= rows_per_second_min});
    } else {
        bars.push_back(ratio_bar("decode " + where, rate.decoded, rate.copied, decode_ratio_min));
    }
    bars.push_back(ratio_bar("encode " + where, rate.encoded, rate.copied, encode_ratio_min));
    return bars;
}

double most_allocations(const Collector& results, const std::vector<Workload>& workloads) {
    double most = 0;
    for (const Workload& workload : workloads) {
        for (const std::string& name : {workload.decode, workload.encode}) {
            most = std::max(most, results.samples(name).allocations_per_message);
        }
    }
    return most;
}

}  // namespace

bool Collector::ReportContext(const Context&) { return true; }

void Collector::ReportRuns(const std::vector<Run>& runs) {
    for (const Run& run : runs) {
        if (run.error_occurred) {
            std::cerr << run.benchmark_name() << ": " << run.error_message << "\n";
            failed_ = true;
        }
        if (run.error_occurred || run.run_type != Run::RT_Iteration) continue;
        Samples& samples = samples_[run.run_name.function_name];
        samples.messages_per_second.push_back(run.counters.at("items_per_second"));
        samples.bytes_per_second.push_back(run.counters.at("bytes_per_second"));
        const double allocations = run.counters.at("allocations");
        samples.allocations_per_message = std::max(samples.allocations_per_message, allocations);
    }
}

Report make_report(const Collector& results,
                   const std::vector<Workload>& workloads,
                   const std::vector<QueryCost>& queries) {
    Report report;
    report.text = line({"messages",
                        "stream",
                        "decode M/s",
                        "decode GB/s",
                        "encode M/s",
                        "encode GB/s",
                        "memcpy GB/s"}) +
                  "|---|---|---:|---:|---:|---:|---:|\n";
    std::vector<Bar> bars;
    for (const Workload& workload : workloads) {
        const Rates rate = rates(results, workload);
        report.text += line({workload.messages,
                             size_text(workload.stream_bytes),
                             mega(rate.decoded_messages),
                             giga(rate.decoded),
                             mega(rate.encoded_messages),
                             giga(rate.encoded),
                             giga(rate.copied)});
        std::ranges::move(workload_bars(workload, rate), std::back_inserter(bars));
    }
    const double allocations = most_allocations(results, workloads);
    report.allocates = allocations > 0;
    bars.push_back({"allocations a message", "0", number(allocations, 6), !report.allocates});

    report.text += "\n" + line({"query", "allocations", "CPU us"}) + "|---|---:|---:|\n";
    for (const QueryCost& query : queries) {
        const std::string allocated = number(query.allocations, 1);
        report.text += line({query.name, allocated, number(query.microseconds, 1)});
        // A message that comes in two pieces costs a few more.
        bars.push_back({"allocations, " + query.name,
                        "<= " + number(query.allocations_max, 0),
                        allocated,
                        query.allocations < query.allocations_max + 0.5});
        report.allocates = report.allocates || !bars.back().met;
    }

    report.text += "\n" + line({"bar", "bound", "measured", "verdict"}) + "|---|---|---|---|\n";
    report.all_met = true;
    for (const Bar& bar : bars) {
        report.text += line({bar.name, bar.bound, bar.measured, bar.met ? "met" : "missed"});
        report.all_met = report.all_met && bar.met;
    }
    return report;
}

}  // namespace sluice::bench
