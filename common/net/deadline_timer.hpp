#pragma once

#include "common/base/time.hpp"
#include "common/net/asio.hpp"

#include <boost/asio/generic/stream_protocol.hpp>

#include <memory>

namespace sluice::net {

using StreamSocket = boost::asio::basic_stream_socket<boost::asio::generic::stream_protocol,
                                                      boost::asio::io_context::executor_type>;

// Cancels what is pending on a socket at a moment that may move. Moving it back or away costs
// nothing, so a deadline may be set for every read and write: the timer looks again when it ends,
// and is given up when no deadline is set then. Belongs to the socket's owner and goes before the
// socket does.
class DeadlineTimer {
public:
    explicit DeadlineTimer(StreamSocket& socket) : socket_(socket) {}
    ~DeadlineTimer() { stop(); }
    DeadlineTimer(const DeadlineTimer&) = delete;
    DeadlineTimer& operator=(const DeadlineTimer&) = delete;

    // no_deadline takes it away.
    void set(Deadline deadline);
    // Takes the deadline away and gives the timer up at once: nothing of it is left in the
    // io_context.
    void stop();
    Deadline deadline() const { return deadline_; }
    // Asks the clock only when a deadline is set.
    bool expired() const;
    // Why an operation was aborted: timed_out when the deadline passed, else operation_canceled.
    boost::system::error_code abort_reason() const;

private:
    struct Timer;
    void arm();
    void on_timer();

    StreamSocket& socket_;
    Deadline deadline_ = no_deadline;
    std::shared_ptr<Timer> timer_;
};

}  // namespace sluice::net
