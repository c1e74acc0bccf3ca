#include "proxy/cancel/cancel_registry.hpp"

#include "common/crypto/hash.hpp"
#include "common/crypto/random_bytes.hpp"

#include <mutex>
#include <unordered_map>
#include <utility>

namespace sluice::proxy {

// Sessions of several computes may share a pid, so a pid leads to several entries.
struct CancelRegistry::Shared {
    struct Entry {
        Bytes client_key;
        Bytes compute_key;
        std::shared_ptr<const ComputeAddress> compute;
    };
    using Entries = std::unordered_multimap<std::uint32_t, Entry>;

    Entries::const_iterator find(std::uint32_t pid, const Bytes& key) const {
        const auto [first, last] = entries.equal_range(pid);
        for (auto entry = first; entry != last; ++entry) {
            if (crypto::equal_constant_time(entry->second.client_key, key)) return entry;
        }
        return entries.end();
    }

    std::mutex mutex;
    Entries entries;
};

CancelRegistry::CancelRegistry() : shared_(std::make_shared<Shared>()) {}

CancelRegistry::Registration::Registration(Registration&& other) noexcept
    : shared_(std::move(other.shared_)), pid_(other.pid_), key_(std::move(other.key_)) {}

CancelRegistry::Registration& CancelRegistry::Registration::operator=(
    Registration&& other) noexcept {
    if (this != &other) {
        release();
        shared_ = std::move(other.shared_);
        pid_ = other.pid_;
        key_ = std::move(other.key_);
    }
    return *this;
}

void CancelRegistry::Registration::release() {
    if (!shared_) return;
    const std::lock_guard lock(shared_->mutex);
    const auto entry = shared_->find(pid_, key_);
    if (entry != shared_->entries.end()) shared_->entries.erase(entry);
    shared_.reset();
}

CancelRegistry::Registration CancelRegistry::add(std::shared_ptr<const ComputeAddress> compute,
                                                 const pg::BackendKey& key,
                                                 std::size_t key_size) {
    Registration registration;
    registration.pid_ = key.pid;
    const std::lock_guard lock(shared_->mutex);
    do {
        registration.key_ = crypto::random_bytes(key_size);
    } while (shared_->find(key.pid, registration.key_) != shared_->entries.end());
    Shared::Entry entry{registration.key_, key.key, std::move(compute)};
    shared_->entries.emplace(key.pid, std::move(entry));
    registration.shared_ = shared_;
    return registration;
}

std::optional<CancelRegistry::Target> CancelRegistry::find(const pg::CancelRequest& request) const {
    const std::lock_guard lock(shared_->mutex);
    const auto entry = shared_->find(request.pid, request.key);
    if (entry == shared_->entries.end()) return std::nullopt;
    return Target{entry->second.compute, {request.pid, entry->second.compute_key}};
}

std::size_t CancelRegistry::size() const {
    const std::lock_guard lock(shared_->mutex);
    return shared_->entries.size();
}

}  // namespace sluice::proxy
