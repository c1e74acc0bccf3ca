#pragma once

#include "common/net/asio.hpp"
#include "common/net/one_shot.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

namespace sluice::net {

// A few threads for work that blocks: password hashing, SQLite, key derivation, files.
class BlockingPool {
public:
    explicit BlockingPool(unsigned threads) : pool_(threads) {}

    // Runs `work` (a callable without arguments, given as a named local that was moved in) on the
    // pool and resumes on the caller's thread, which runs `context`. `work` must not throw. Work
    // cannot be stopped: a cancelled caller waits for its end all the same. The pool goes before
    // `context` does.
    template <class Work>
    auto run(boost::asio::io_context& context, Work work) -> Awaitable<decltype(work())> {
        using Value = decltype(work());
        OneShot<std::shared_ptr<Value>> done(context);
        auto setter = done.setter();
        enqueue([setter, work = std::move(work)]() mutable {
            setter.set(std::make_shared<Value>(work()));
        });
        const auto value = co_await done.wait_to_the_end();
        co_return std::move(*value);
    }

    // The same for work whose result nobody needs once the caller is cancelled: it gets nullopt at
    // once then, and work that has not begun is dropped.
    template <class Work>
    auto run_or_drop(boost::asio::io_context& context, Work work)
        -> Awaitable<std::optional<decltype(work())>> {
        using Value = decltype(work());
        OneShot<std::shared_ptr<Value>> done(context);
        auto setter = done.setter();
        const auto wanted = std::make_shared<std::atomic<bool>>(true);
        enqueue([setter, wanted, work = std::move(work)]() mutable {
            if (*wanted) setter.set(std::make_shared<Value>(work()));
        });
        const auto value = co_await done.wait(no_deadline);
        if (value) co_return std::move(**value);
        *wanted = false;
        co_return std::nullopt;
    }

    // How much work has not begun yet, for callers that must not wait behind too much of it. Any
    // thread.
    std::size_t waiting() const { return waiting_; }

private:
    template <class Work>
    void enqueue(Work work) {
        ++waiting_;
        boost::asio::post(pool_, [this, work = std::move(work)]() mutable {
            --waiting_;
            work();
        });
    }

    std::atomic<std::size_t> waiting_ = 0;
    boost::asio::thread_pool pool_;
};

}  // namespace sluice::net
