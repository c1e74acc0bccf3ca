#include "common/observability/metrics.hpp"

#include "common/base/startup_error.hpp"

#include <dirent.h>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <unistd.h>

#include <fstream>

namespace sluice::metrics {

namespace {

double open_file_descriptors() {
    DIR* folder = ::opendir("/proc/self/fd");
    if (folder == nullptr) return 0;
    int entries = 0;
    while (::readdir(folder) != nullptr) ++entries;
    ::closedir(folder);
    return entries - 3;  // ".", ".." and the descriptor of this listing
}

double resident_bytes() {
    std::ifstream in("/proc/self/statm");
    double size_pages = 0;
    double resident_pages = 0;
    in >> size_pages >> resident_pages;
    return resident_pages * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

// prometheus-cpp throws for a malformed name, and for one name used for two kinds of series.
template <class Make>
void* registered(const std::string& name, Make make) {
    try {
        return make();
    } catch (const std::exception& error) {
        throw StartupError("metric " + name + ": " + error.what());
    }
}

}  // namespace

struct Registry::Impl {
    prometheus::Registry registry;
    prometheus::Gauge& open_fds = prometheus::BuildGauge()
                                      .Name("process_open_fds")
                                      .Help("Number of open file descriptors.")
                                      .Register(registry)
                                      .Add({});
    prometheus::Gauge& resident_memory = prometheus::BuildGauge()
                                             .Name("process_resident_memory_bytes")
                                             .Help("Resident memory size in bytes.")
                                             .Register(registry)
                                             .Add({});
};

void Counter::add(double amount) { static_cast<prometheus::Counter*>(series_)->Increment(amount); }

void Gauge::set(double value) { static_cast<prometheus::Gauge*>(series_)->Set(value); }

void Gauge::add(double amount) { static_cast<prometheus::Gauge*>(series_)->Increment(amount); }

void Histogram::observe(double value) {
    static_cast<prometheus::Histogram*>(series_)->Observe(value);
}

Registry::Registry() : impl_(std::make_unique<Impl>()) {}

Registry::~Registry() = default;

Counter Registry::counter(const std::string& name, const std::string& help, const Labels& labels) {
    return Counter(registered(name, [&] {
        auto& family = prometheus::BuildCounter().Name(name).Help(help).Register(impl_->registry);
        return &family.Add(labels);
    }));
}

Gauge Registry::gauge(const std::string& name, const std::string& help, const Labels& labels) {
    return Gauge(registered(name, [&] {
        auto& family = prometheus::BuildGauge().Name(name).Help(help).Register(impl_->registry);
        return &family.Add(labels);
    }));
}

Histogram Registry::histogram(const std::string& name,
                              const std::string& help,
                              const std::vector<double>& bounds,
                              const Labels& labels) {
    return Histogram(registered(name, [&] {
        auto& family = prometheus::BuildHistogram().Name(name).Help(help).Register(impl_->registry);
        return &family.Add(labels, bounds);
    }));
}

std::string Registry::exposition() const {
    impl_->open_fds.Set(open_file_descriptors());
    impl_->resident_memory.Set(resident_bytes());
    return prometheus::TextSerializer().Serialize(impl_->registry.Collect());
}

std::vector<double> latency_bounds() {
    return {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120};
}

}  // namespace sluice::metrics
