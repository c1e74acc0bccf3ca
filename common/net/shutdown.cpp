#include "common/net/shutdown.hpp"

#include <unistd.h>

#include <csignal>
#include <utility>

namespace sluice::net {

Signals::Signals(boost::asio::io_context& context,
                 std::function<void()> on_stop,
                 std::function<void()> on_reload)
    : signals_(context, SIGTERM, SIGINT, SIGHUP),
      on_stop_(std::move(on_stop)),
      on_reload_(std::move(on_reload)) {
    std::signal(SIGPIPE, SIG_IGN);
    wait();
}

void Signals::cancel() { signals_.cancel(); }

void Signals::wait() {
    signals_.async_wait([this](const boost::system::error_code& code, int signal) {
        if (code) return;
        // The next wait comes first: the callbacks may cancel it.
        wait();
        if (signal == SIGHUP) {
            on_reload_();
        } else if (std::exchange(stopping_, true)) {
            _exit(1);
        } else {
            on_stop_();
        }
    });
}

}  // namespace sluice::net
