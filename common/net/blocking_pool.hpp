#pragma once

#include <memory>

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include "common/net/asio.hpp"
#include "common/net/one_shot.hpp"

namespace sluice::net {

// A few threads for work that blocks: password hashing, SQLite, key derivation, files.
class BlockingPool {
public:
    explicit BlockingPool(unsigned threads) : pool_(threads) {}

    // Runs `work` (a callable without arguments, given as a named local that was moved in) on the
    // pool and resumes on the caller's thread, which runs `context`. `work` must not throw.
    template <class Work>
    auto run(boost::asio::io_context& context, Work work) -> Awaitable<decltype(work())> {
        using Value = decltype(work());
        OneShot<std::shared_ptr<Value>> done(context);
        auto setter = done.setter();
        boost::asio::post(pool_, [setter, work = std::move(work)]() mutable {
            setter.set(std::make_shared<Value>(work()));
        });
        co_await boost::asio::this_coro::throw_if_cancelled(false);
        for (;;) {
            auto value = co_await done.wait(no_deadline);
            if (value) co_return std::move(**value);
        }
    }

private:
    boost::asio::thread_pool pool_;
};

}  // namespace sluice::net
