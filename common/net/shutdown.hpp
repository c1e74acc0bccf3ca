#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <functional>

namespace sluice::net {

// Runs in the main thread's io_context. SIGTERM and SIGINT call `on_stop` (a second one ends the
// process at once with status 1), SIGHUP calls `on_reload`. SIGPIPE is ignored for the process.
class Signals {
public:
    Signals(boost::asio::io_context& context,
            std::function<void()> on_stop,
            std::function<void()> on_reload);
    void cancel();

private:
    void wait();
    boost::asio::signal_set signals_;
    std::function<void()> on_stop_;
    std::function<void()> on_reload_;
    bool stopping_ = false;
};

}  // namespace sluice::net
