#pragma once

#include "common/net/asio.hpp"
#include "common/net/one_shot.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include <memory>
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
        boost::asio::post(pool_, [setter, work = std::move(work)]() mutable {
            setter.set(std::make_shared<Value>(work()));
        });
        const auto value = co_await done.wait_to_the_end();
        co_return std::move(*value);
    }

private:
    boost::asio::thread_pool pool_;
};

}  // namespace sluice::net
