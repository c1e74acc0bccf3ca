#pragma once

#include "common/http/router.hpp"

#include <atomic>
#include <memory>

namespace sluice::auth {

// Counts the requests that are being answered, so that a stop can wait for them. Any thread.
class ActiveRequests {
public:
    // The handler, counted while it runs. Must not outlive this object.
    http::Handler counted(http::Handler handler) {
        auto shared = std::make_shared<const http::Handler>(std::move(handler));
        return [this, shared](http::Request request) { return run(shared, std::move(request)); };
    }
    int count() const { return count_; }

private:
    net::Awaitable<http::Response> run(std::shared_ptr<const http::Handler> handler,
                                       http::Request request) {
        const Leave leave(count_);
        co_return co_await (*handler)(std::move(request));
    }

    struct Leave {
        explicit Leave(std::atomic<int>& counter) : count(counter) { ++count; }
        ~Leave() { --count; }
        Leave(const Leave&) = delete;
        Leave& operator=(const Leave&) = delete;
        std::atomic<int>& count;
    };

    std::atomic<int> count_{0};
};

}  // namespace sluice::auth
