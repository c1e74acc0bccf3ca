#pragma once

#include "common/base/secret.hpp"
#include "common/net/blocking_pool.hpp"

#include <atomic>
#include <optional>
#include <string>

namespace sluice::auth {

// Argon2id on two threads of its own: 64 MiB and tens of milliseconds each. More than
// `waiting_max` callers at once are turned away instead of queued. Any thread.
class Passwords {
public:
    static constexpr int waiting_max = 32;
    Passwords();

    // nullopt: too many at once.
    net::Awaitable<std::optional<std::string>> hash(Secret password);
    // `stored` empty: there is no such user; takes as long as a wrong password and is never true.
    net::Awaitable<std::optional<bool>> verify(std::string stored, Secret password);

private:
    bool enter();
    void leave() { --waiting_; }

    net::BlockingPool pool_{2};
    std::atomic<int> waiting_{0};
    std::string decoy_;
};

}  // namespace sluice::auth
