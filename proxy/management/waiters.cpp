#include "proxy/management/waiters.hpp"

#include <mutex>
#include <unordered_map>

namespace sluice::proxy {

struct Waiters::Shared {
    std::mutex mutex;
    std::unordered_map<std::string, net::OneShot<LinkOutcome>::Setter> setters;
};

Waiters::Waiters() : shared_(std::make_shared<Shared>()) {}

std::optional<Waiters::Waiter> Waiters::add(boost::asio::io_context& context,
                                            const std::string& id) {
    net::OneShot<LinkOutcome> result(context);
    const std::lock_guard lock(shared_->mutex);
    if (!shared_->setters.emplace(id, result.setter()).second) return std::nullopt;
    return Waiter(shared_, id, std::move(result));
}

bool Waiters::notify(const std::string& id, LinkOutcome outcome) {
    const std::lock_guard lock(shared_->mutex);
    const auto entry = shared_->setters.find(id);
    if (entry == shared_->setters.end()) return false;
    entry->second.set(std::move(outcome));
    shared_->setters.erase(entry);
    return true;
}

// Erasing an id that notify() took out already does nothing; a new waiter cannot have the same id
// while this object lives only because ids are random, which 128 bits make safe.
Waiters::Waiter::~Waiter() {
    if (!shared_) return;
    const std::lock_guard lock(shared_->mutex);
    shared_->setters.erase(id_);
}

}  // namespace sluice::proxy
