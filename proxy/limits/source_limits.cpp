#include "proxy/limits/source_limits.hpp"

#include "common/base/hex.hpp"
#include "proxy/routing/allow_list.hpp"

#include <algorithm>

namespace sluice::proxy {

std::string source_prefix(std::string_view address) {
    Bytes bytes = parse_address(address);
    if (bytes.size() == 16) bytes.resize(8);
    return bytes.empty() ? "local" : to_hex(bytes);
}

struct SourceQuota::Shared {
    std::size_t most = 0;
    std::size_t most_per_source = 0;
    std::mutex mutex;
    std::size_t in_use = 0;
    std::unordered_map<std::string, std::size_t> per_source;
};

SourceQuota::SourceQuota(std::size_t most, std::size_t most_per_source)
    : shared_(std::make_shared<Shared>()) {
    shared_->most = most;
    shared_->most_per_source = most_per_source;
}

std::optional<SourceQuota::Permit> SourceQuota::acquire(std::string_view address,
                                                        Refusal& refusal) {
    std::string source = source_prefix(address);
    const std::lock_guard lock(shared_->mutex);
    const auto entry = shared_->per_source.find(source);
    const std::size_t used = entry == shared_->per_source.end() ? 0 : entry->second;
    refusal = used >= shared_->most_per_source   ? Refusal::source
              : shared_->in_use >= shared_->most ? Refusal::all
                                                 : Refusal::none;
    if (refusal != Refusal::none) return std::nullopt;
    ++shared_->in_use;
    ++shared_->per_source[source];
    return Permit(shared_, std::move(source));
}

SourceQuota::Permit::~Permit() {
    if (!shared_) return;
    const std::lock_guard lock(shared_->mutex);
    --shared_->in_use;
    const auto entry = shared_->per_source.find(source_);
    if (--entry->second == 0) shared_->per_source.erase(entry);
}

std::size_t SourceQuota::in_use() const {
    const std::lock_guard lock(shared_->mutex);
    return shared_->in_use;
}

void SourceQuota::set_limits(std::size_t most, std::size_t most_per_source) {
    const std::lock_guard lock(shared_->mutex);
    shared_->most = most;
    shared_->most_per_source = most_per_source;
}

SourceRate::SourceRate(double rate, double burst, std::size_t sources_max)
    : rate_(rate), burst_(burst), sources_max_(sources_max) {}

// Not for every request of a flood from many sources.
void SourceRate::forget_empty(SteadyTime now) {
    constexpr std::chrono::seconds sweep_interval{1};
    if (now - swept_ < sweep_interval) return;
    swept_ = now;
    std::erase_if(buckets_, [&](const auto& entry) {
        const double seconds = std::chrono::duration<double>(now - entry.second.filled).count();
        return entry.second.level <= seconds * rate_;
    });
}

bool SourceRate::allow(std::string_view address, SteadyTime now) {
    std::string source = source_prefix(address);
    const std::lock_guard lock(mutex_);
    if (buckets_.size() >= sources_max_ && !buckets_.contains(source)) {
        forget_empty(now);
        if (buckets_.size() >= sources_max_) source = "others";
    }
    const auto [entry, is_new] = buckets_.try_emplace(source, Bucket{0, now});
    Bucket& bucket = entry->second;
    const double seconds = std::chrono::duration<double>(now - bucket.filled).count();
    bucket.level = std::max(0.0, bucket.level - seconds * rate_);
    bucket.filled = now;
    if (bucket.level + 1 > burst_) return false;
    bucket.level += 1;
    return true;
}

}  // namespace sluice::proxy
