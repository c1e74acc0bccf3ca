#include "common/observability/metrics.hpp"

#include "common/base/startup_error.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace sluice::metrics {
namespace {

bool has_line(const std::string& exposition, const std::string& line) {
    return ("\n" + exposition).find("\n" + line + "\n") != std::string::npos;
}

// The value of a series without labels; -1 when it is not there.
double value_of(const std::string& exposition, const std::string& name) {
    const std::size_t at = ("\n" + exposition).find("\n" + name + " ");
    return at == std::string::npos ? -1 : std::stod(exposition.substr(at + name.size() + 1));
}

TEST(Registry, ExposesCounters) {
    Registry registry;
    Counter counter = registry.counter("sluice_x_total", "How many.", {{"result", "ok"}});
    counter.add();
    counter.add(2);
    const std::string text = registry.exposition();
    EXPECT_TRUE(has_line(text, "# HELP sluice_x_total How many.")) << text;
    EXPECT_TRUE(has_line(text, "# TYPE sluice_x_total counter"));
    EXPECT_TRUE(has_line(text, "sluice_x_total{result=\"ok\"} 3"));
}

TEST(Registry, ExposesGauges) {
    Registry registry;
    Gauge gauge = registry.gauge("sluice_x_current", "Now.");
    gauge.set(5);
    gauge.add(-2);
    EXPECT_TRUE(has_line(registry.exposition(), "sluice_x_current 3"));
}

TEST(Registry, ExposesHistograms) {
    Registry registry;
    Histogram histogram = registry.histogram("sluice_x_seconds", "Time.", {0.1, 1});
    histogram.observe(0.05);
    histogram.observe(5);
    const std::string text = registry.exposition();
    EXPECT_TRUE(has_line(text, "sluice_x_seconds_bucket{le=\"0.1\"} 1")) << text;
    EXPECT_TRUE(has_line(text, "sluice_x_seconds_bucket{le=\"+Inf\"} 2"));
    EXPECT_TRUE(has_line(text, "sluice_x_seconds_count 2"));
}

TEST(Registry, TheSameNameAndLabelsAreTheSameSeries) {
    Registry registry;
    registry.counter("sluice_x_total", "How many.", {{"a", "1"}}).add();
    registry.counter("sluice_x_total", "How many.", {{"a", "1"}}).add();
    registry.counter("sluice_x_total", "How many.", {{"a", "2"}}).add();
    const std::string text = registry.exposition();
    EXPECT_TRUE(has_line(text, "sluice_x_total{a=\"1\"} 2")) << text;
    EXPECT_TRUE(has_line(text, "sluice_x_total{a=\"2\"} 1"));
}

TEST(Registry, RefusesMisuse) {
    Registry registry;
    registry.counter("sluice_x_total", "How many.");
    EXPECT_THROW(registry.gauge("sluice_x_total", "How many."), StartupError);
    EXPECT_THROW(registry.counter("not a name", "How many."), StartupError);
}

TEST(Registry, KnowsItsProcess) {
    const Registry registry;
    const std::string text = registry.exposition();
    EXPECT_GE(value_of(text, "process_open_fds"), 3) << text;
    EXPECT_GT(value_of(text, "process_resident_memory_bytes"), 100'000);
}

TEST(PerLabel, PicksTheSeriesOfAnEnumerator) {
    enum class Result { ok, failed };
    Registry registry;
    PerLabel<Counter, Result, 2> results(
        {registry.counter("sluice_r_total", "R.", {{"result", "ok"}}),
         registry.counter("sluice_r_total", "R.", {{"result", "failed"}})});
    results[Result::failed].add();
    EXPECT_TRUE(has_line(registry.exposition(), "sluice_r_total{result=\"failed\"} 1"));
}

TEST(LatencyBounds, Ascend) {
    const std::vector<double> bounds = latency_bounds();
    EXPECT_TRUE(std::is_sorted(bounds.begin(), bounds.end()));
    EXPECT_EQ(bounds.front(), 0.001);
    EXPECT_EQ(bounds.back(), 120);
}

}  // namespace
}  // namespace sluice::metrics
