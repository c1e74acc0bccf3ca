#include "common/net/task_group.hpp"

#include "common/base/assert.hpp"
#include "common/observability/log.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <exception>
#include <list>
#include <vector>

namespace sluice::net {

namespace {

using Tasks = std::list<boost::asio::cancellation_signal>;

// Cancellation reaches the task as error values, not as exceptions from any co_await.
Awaitable<void> run(Awaitable<void> task) {
    co_await boost::asio::this_coro::throw_if_cancelled(false);
    co_await std::move(task);
}

void log_failure(const std::exception_ptr& failure) {
    try {
        std::rethrow_exception(failure);
    } catch (const boost::system::system_error& error) {
        if (error.code() == boost::asio::error::operation_aborted) return;
        log::Log().error("a background task failed", {{"reason", error.what()}});
    } catch (const std::exception& error) {
        log::Log().error("a background task failed", {{"reason", error.what()}});
    } catch (...) {
        log::Log().error("a background task failed", {{"reason", "unknown exception"}});
    }
}

}  // namespace

// Shared with the tasks' completion handlers.
struct TaskGroup::State {
    explicit State(boost::asio::io_context& io) : context(io) {}

    void erase(Tasks::iterator task) {
        tasks.erase(task);
        if (!tasks.empty()) return;
        for (auto* joiner : joiners) joiner->cancel();
    }

    boost::asio::io_context& context;
    Tasks tasks;
    std::vector<boost::asio::steady_timer*> joiners;  // each lives in the frame of a join()
};

TaskGroup::TaskGroup(boost::asio::io_context& context) : state_(std::make_shared<State>(context)) {}

TaskGroup::~TaskGroup() {
    // In a context that was stopped no task runs again, so none can touch the owner any more.
    SLUICE_ASSERT(state_->tasks.empty() || state_->context.stopped());
}

void TaskGroup::spawn(Awaitable<void> task) {
    const auto entry = state_->tasks.emplace(state_->tasks.end());
    auto ended = [state = state_, entry](const std::exception_ptr& failure) {
        if (failure) log_failure(failure);
        // Not here: cancel() may be walking the list, and the ending coroutine still refers to
        // the signal.
        boost::asio::post(state->context, [state, entry] { state->erase(entry); });
    };
    boost::asio::co_spawn(state_->context,
                          run(std::move(task)),
                          boost::asio::bind_cancellation_slot(entry->slot(), std::move(ended)));
}

std::size_t TaskGroup::running() const { return state_->tasks.size(); }

void TaskGroup::cancel() {
    // Inside the context only: from elsewhere co_spawn would pass the signal on later, when the task
    // may have ended and taken its signal with it.
    boost::asio::dispatch(state_->context, [state = state_] {
        for (auto& signal : state->tasks) signal.emit(boost::asio::cancellation_type::all);
    });
}

Awaitable<bool> TaskGroup::join(Deadline deadline) {
    co_await boost::asio::this_coro::throw_if_cancelled(false);
    const auto state = state_;
    boost::asio::steady_timer wake(state->context);
    state->joiners.push_back(&wake);
    while (!state->tasks.empty() && std::chrono::steady_clock::now() < deadline) {
        wake.expires_at(deadline);
        co_await wake.async_wait(use_result);
    }
    std::erase(state->joiners, &wake);
    co_return state->tasks.empty();
}

}  // namespace sluice::net
