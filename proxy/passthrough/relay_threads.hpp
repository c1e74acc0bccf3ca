#pragma once

#include "proxy/passthrough/passthrough.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

namespace sluice::proxy {

// The threads that move the bytes of established sessions. Each waits in an epoll of its own with
// every socket registered once, edge-triggered, and keeps one buffer for all its sessions: a
// message costs one read and one write, an idle session holds no buffer and no coroutine waits in
// a reactor for it. (Asio's reactor tries a read before every wait, which is a system call more
// for each message: docs/adr/0007-relay-threads.md.)
class RelayThreads {
public:
    // `done` is called on a relay thread, once, when the session has finished.
    using Done = std::function<void()>;

    explicit RelayThreads(unsigned count);
    // stop().
    ~RelayThreads();

    void start();
    // Ends the threads; sessions that are left are terminated first.
    void stop();

    // Takes a session over, on the thread that has the fewest. Its streams leave their io_context.
    // Any thread; the caller touches `session` again only after `done`.
    void add(std::shared_ptr<Passthrough> session, Done done);

    // For every session, present and future. Any thread.
    void drain();
    void terminate();

private:
    class Thread;
    std::vector<std::unique_ptr<Thread>> threads_;
};

}  // namespace sluice::proxy
