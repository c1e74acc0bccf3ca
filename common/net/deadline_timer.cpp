#include "common/net/deadline_timer.hpp"

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>

namespace sluice::net {

// Shared with the pending wait, which may outlive the owner by one turn of the loop.
struct DeadlineTimer::Timer {
    Timer(const boost::asio::any_io_executor& executor, DeadlineTimer& timer_owner)
        : timer(executor), owner(&timer_owner) {}
    boost::asio::steady_timer timer;
    DeadlineTimer* owner;
    bool armed = false;
};

void DeadlineTimer::set(Deadline deadline) {
    deadline_ = deadline;
    if (deadline == no_deadline) return;
    if (!timer_) {
        timer_ = std::make_shared<Timer>(socket_.get_executor(), *this);
        arm();
    } else if (!timer_->armed || deadline < timer_->timer.expiry()) {
        arm();
    }
}

void DeadlineTimer::stop() {
    deadline_ = no_deadline;
    if (!timer_) return;
    timer_->owner = nullptr;
    timer_->timer.cancel();
    timer_.reset();
}

bool DeadlineTimer::expired() const {
    return deadline_ != no_deadline && std::chrono::steady_clock::now() >= deadline_;
}

boost::system::error_code DeadlineTimer::abort_reason() const {
    if (expired()) return boost::asio::error::timed_out;
    return boost::asio::error::operation_aborted;
}

void DeadlineTimer::arm() {
    timer_->armed = true;
    timer_->timer.expires_at(deadline_);
    timer_->timer.async_wait([timer = timer_](const boost::system::error_code& code) {
        if (!code && timer->owner != nullptr) timer->owner->on_timer();
    });
}

void DeadlineTimer::on_timer() {
    timer_->armed = false;
    if (deadline_ == no_deadline) return timer_.reset();
    if (!expired()) return arm();
    boost::system::error_code ignored;
    socket_.cancel(ignored);
}

}  // namespace sluice::net
