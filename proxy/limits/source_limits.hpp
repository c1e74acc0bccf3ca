#pragma once

#include "common/base/time.hpp"

#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace sluice::proxy {

// The part of a client's address that limits count by: an IPv4 address, or the /64 of an IPv6 one.
std::string source_prefix(std::string_view address);

// Bounds how many of something exist at once, in all and from one source. Any thread.
class SourceQuota {
    struct Shared;

public:
    SourceQuota(std::size_t most, std::size_t most_per_source);

    // Counts one while it lives.
    class Permit {
    public:
        Permit(Permit&& other) noexcept = default;
        Permit& operator=(Permit&& other) = delete;
        ~Permit();

    private:
        friend class SourceQuota;
        Permit(std::shared_ptr<Shared> shared, std::string source)
            : shared_(std::move(shared)), source_(std::move(source)) {}
        std::shared_ptr<Shared> shared_;
        std::string source_;
    };

    enum class Refusal { none, all, source };
    // A permit, or which bound was reached.
    std::optional<Permit> acquire(std::string_view address, Refusal& refusal);
    std::size_t in_use() const;
    // For permits to come; those given stay.
    void set_limits(std::size_t most, std::size_t most_per_source);

private:
    std::shared_ptr<Shared> shared_;
};

// Bounds how often something happens from one source: `burst` at once, `rate` a second on
// average. Remembers at most `sources_max` sources; when full, new ones share one bucket.
class SourceRate {
public:
    SourceRate(double rate, double burst, std::size_t sources_max = 10'000);
    bool allow(std::string_view address, SteadyTime now);

private:
    struct Bucket {
        double level = 0;
        SteadyTime filled;
    };
    void forget_empty(SteadyTime now);

    const double rate_;
    const double burst_;
    const std::size_t sources_max_;
    SteadyTime swept_;  // when empty buckets were last looked for
    std::mutex mutex_;
    std::unordered_map<std::string, Bucket> buckets_;
};

}  // namespace sluice::proxy
