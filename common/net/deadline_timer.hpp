#pragma once

#include "common/base/time.hpp"
#include "common/net/asio.hpp"

#include <boost/asio/generic/stream_protocol.hpp>

#include <memory>

namespace sluice::net {

using StreamSocket = boost::asio::basic_stream_socket<boost::asio::generic::stream_protocol,
                                                      boost::asio::io_context::executor_type>;

// Cancels what is pending on a socket at a moment that may move. The timer exists only while a
// deadline is set; moving the deadline back costs nothing, the timer looks again when it ends.
// Belongs to the socket's owner and goes before the socket does.
class DeadlineTimer {
public:
    explicit DeadlineTimer(StreamSocket& socket) : socket_(socket) {}
    ~DeadlineTimer() { set(no_deadline); }
    DeadlineTimer(const DeadlineTimer&) = delete;
    DeadlineTimer& operator=(const DeadlineTimer&) = delete;

    // no_deadline ends it.
    void set(Deadline deadline);
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
