#pragma once

#include <array>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::metrics {

using Labels = std::map<std::string, std::string>;

// Handles to a series; they live as long as the Registry. Any thread.
class Counter {
public:
    void add(double amount = 1);

private:
    friend class Registry;
    explicit Counter(void* series) : series_(series) {}
    void* series_;
};

class Gauge {
public:
    void set(double value);
    void add(double amount);

private:
    friend class Registry;
    explicit Gauge(void* series) : series_(series) {}
    void* series_;
};

class Histogram {
public:
    void observe(double value);

private:
    friend class Registry;
    explicit Histogram(void* series) : series_(series) {}
    void* series_;
};

// Names follow sluice_<binary>_<noun>_<unit>; label values come from closed sets only, never from
// a client. Asking again for the same name and labels gives the same series.
class Registry {
public:
    Registry();
    ~Registry();
    Registry(const Registry&) = delete;
    Registry& operator=(const Registry&) = delete;

    Counter counter(const std::string& name, const std::string& help, const Labels& labels = {});
    Gauge gauge(const std::string& name, const std::string& help, const Labels& labels = {});
    // `bounds`: ascending upper bounds of the buckets.
    Histogram histogram(const std::string& name,
                        const std::string& help,
                        const std::vector<double>& bounds,
                        const Labels& labels = {});

    // The Prometheus text exposition, with process_open_fds and process_resident_memory_bytes.
    std::string exposition() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// One series per enumerator of a closed enum whose values are 0 .. N-1.
template <class Series, class Enum, std::size_t N>
class PerLabel {
public:
    explicit PerLabel(std::array<Series, N> series) : series_(std::move(series)) {}
    Series& operator[](Enum value) { return series_[static_cast<std::size_t>(value)]; }

private:
    std::array<Series, N> series_;
};

// Seconds from 1 ms to 2 minutes.
std::vector<double> latency_bounds();

}  // namespace sluice::metrics
