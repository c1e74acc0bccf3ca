#pragma once

#include "common/base/time.hpp"
#include "common/net/asio.hpp"

#include <memory>

namespace sluice::net {

// The background coroutines of one owner on one io_context. spawn(), cancel() and the coroutines
// run on that thread. An exception that leaves a coroutine is logged as an error and ends only it.
class TaskGroup {
public:
    explicit TaskGroup(boost::asio::io_context& context);
    // Everything must have ended: cancel() and join() first (SLUICE_ASSERT).
    ~TaskGroup();
    TaskGroup(const TaskGroup&) = delete;
    TaskGroup& operator=(const TaskGroup&) = delete;

    // Starts the coroutine. Its arguments must be values or outlive the group.
    void spawn(Awaitable<void> task);
    std::size_t running() const;
    // Cancels every coroutine (total cancellation: pending waits end with operation_canceled); at
    // once in a handler of the context, otherwise as soon as the context runs.
    void cancel();
    // Waits until none is left or the deadline passes; true when none is left.
    Awaitable<bool> join(Deadline deadline);

private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace sluice::net
