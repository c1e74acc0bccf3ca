#pragma once

#include "auth/store/store.hpp"
#include "common/net/blocking_pool.hpp"

#include <boost/asio/execution/context.hpp>

#include <type_traits>
#include <utility>

namespace sluice::auth {

// The io_context that runs the calling coroutine.
inline net::Awaitable<boost::asio::io_context*> current_context() {
    auto executor = co_await boost::asio::this_coro::executor;
    auto& context = boost::asio::query(executor, boost::asio::execution::context);
    co_return static_cast<boost::asio::io_context*>(&context);
}

// Calls of the Store from coroutines: one thread of its own does the waiting.
class StoreAccess {
public:
    explicit StoreAccess(Store& store) : store_(store) {}

    // Runs `work(store)`, given as a named local that was moved in.
    template <class Work>
    auto run(Work work) -> net::Awaitable<std::invoke_result_t<Work, Store&>> {
        boost::asio::io_context* context = co_await current_context();
        auto job = [store = &store_, work = std::move(work)]() mutable { return work(*store); };
        co_return co_await pool_.run(*context, std::move(job));
    }

private:
    Store& store_;
    net::BlockingPool pool_{1};
};

}  // namespace sluice::auth
