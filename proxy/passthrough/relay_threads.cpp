#include "proxy/passthrough/relay_threads.hpp"

#include "common/base/startup_error.hpp"

#include <pthread.h>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <mutex>
#include <set>
#include <thread>
#include <unordered_map>

namespace sluice::proxy {

namespace {

using Clock = std::chrono::steady_clock;
using Side = Passthrough::Side;

constexpr std::size_t buffer_bytes = 64U << 10U;
constexpr std::size_t events_per_wait = 128;

int checked(int descriptor, const char* what) {
    if (descriptor < 0)
        throw StartupError(std::string("cannot make ") + what + " for a relay thread");
    return descriptor;
}

}  // namespace

class RelayThreads::Thread {
public:
    Thread()
        : epoll_(checked(epoll_create1(EPOLL_CLOEXEC), "an epoll")),
          wake_(checked(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "an eventfd")) {
        if (!watch(wake_, nullptr, EPOLLIN)) throw StartupError("cannot watch an eventfd");
    }
    ~Thread() {
        ::close(wake_);
        ::close(epoll_);
    }
    Thread(const Thread&) = delete;
    Thread& operator=(const Thread&) = delete;

    void start() {
        thread_ = std::thread([this] { run(); });
    }
    void stop() {
        if (!thread_.joinable()) return;
        post([this] { stopping_ = true; });
        thread_.join();
    }

    // Runs `command` on the thread.
    void post(std::function<void()> command) {
        {
            const std::lock_guard lock(mutex_);
            commands_.push_back(std::move(command));
        }
        const std::uint64_t one = 1;
        // Fails only when the counter is full, and then the thread wakes anyway.
        [[maybe_unused]] const auto written = ::write(wake_, &one, sizeof one);
    }

    void add(std::shared_ptr<Passthrough> session, Done done);
    void drain();
    void terminate();

    std::atomic<std::size_t> sessions{0};

private:
    struct Session;
    // What an epoll event points to.
    struct Endpoint {
        Session* session;
        Side side;
    };
    struct Session {
        Session(std::shared_ptr<Passthrough> copied, Done when_done)
            : passthrough(std::move(copied)), done(std::move(when_done)) {}
        std::shared_ptr<Passthrough> passthrough;
        Done done;
        Endpoint client{this, Side::client};
        Endpoint compute{this, Side::compute};
        Deadline deadline = no_deadline;
        bool finished = false;
    };

    void run();
    // False when the system has no room for it or the descriptor is closed.
    bool watch(int descriptor, Endpoint* endpoint, std::uint32_t events);
    void wait_for_events();
    int wait_milliseconds() const;
    void run_commands();
    void handle(Endpoint& endpoint, std::uint32_t events);
    void serve_again();
    void meet_deadlines();
    // Looks at a session after something happened to it.
    void settle(Session& session);
    void bury();

    const int epoll_;
    const int wake_;
    std::thread thread_;
    std::mutex mutex_;
    std::vector<std::function<void()>> commands_;

    std::unordered_map<Session*, std::unique_ptr<Session>> all_;
    std::vector<Endpoint*> again_;  // had more to do when their turn ended
    std::set<std::pair<Deadline, Session*>> deadlines_;
    std::vector<Session*> finished_;  // events of this batch may still point to them
    std::array<std::uint8_t, buffer_bytes> buffer_{};
    bool draining_ = false;
    bool terminating_ = false;
    bool stopping_ = false;
};

bool RelayThreads::Thread::watch(int descriptor, Endpoint* endpoint, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = endpoint;
    return epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) == 0;
}

void RelayThreads::Thread::run() {
    // Signals are the main thread's.
    sigset_t all_signals;
    sigfillset(&all_signals);
    pthread_sigmask(SIG_BLOCK, &all_signals, nullptr);
    pthread_setname_np(pthread_self(), "relay");
    while (!stopping_) {
        wait_for_events();
        serve_again();
        meet_deadlines();
        bury();
    }
    terminate();
    bury();
}

int RelayThreads::Thread::wait_milliseconds() const {
    if (!again_.empty()) return 0;
    if (deadlines_.empty()) return -1;
    const auto left = deadlines_.begin()->first - Clock::now();
    const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(left).count();
    return static_cast<int>(std::clamp<long long>(milliseconds, 0, 60'000));
}

void RelayThreads::Thread::wait_for_events() {
    std::array<epoll_event, events_per_wait> events;
    const int count =
        epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), wait_milliseconds());
    for (int i = 0; i < count; ++i) {
        const auto& event = events[static_cast<std::size_t>(i)];
        if (event.data.ptr == nullptr) {
            run_commands();
        } else {
            handle(*static_cast<Endpoint*>(event.data.ptr), event.events);
        }
    }
}

void RelayThreads::Thread::run_commands() {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto drained = ::read(wake_, &count, sizeof count);
    std::vector<std::function<void()>> commands;
    {
        const std::lock_guard lock(mutex_);
        commands.swap(commands_);
    }
    for (const auto& command : commands) command();
}

void RelayThreads::Thread::handle(Endpoint& endpoint, std::uint32_t events) {
    Session& session = *endpoint.session;
    if (session.finished) return;
    Passthrough::Readiness readiness;
    readiness.hangup = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    if (session.passthrough->on_ready(endpoint.side, readiness, buffer_))
        again_.push_back(&endpoint);
    settle(session);
}

void RelayThreads::Thread::serve_again() {
    std::vector<Endpoint*> turn;
    turn.swap(again_);
    for (Endpoint* endpoint : turn) handle(*endpoint, EPOLLIN);
}

void RelayThreads::Thread::meet_deadlines() {
    if (deadlines_.empty()) return;
    const auto now = Clock::now();
    while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
        Session& session = *deadlines_.begin()->second;
        session.passthrough->on_deadline();
        settle(session);
    }
}

void RelayThreads::Thread::settle(Session& session) {
    if (session.finished) return;
    const auto deadline = session.passthrough->deadline();
    if (deadline != session.deadline) {
        deadlines_.erase({session.deadline, &session});
        session.deadline = deadline;
        if (deadline != no_deadline) deadlines_.emplace(deadline, &session);
    }
    if (!session.passthrough->finished()) return;
    session.finished = true;
    finished_.push_back(&session);
}

void RelayThreads::Thread::bury() {
    for (Session* session : finished_) {
        std::erase_if(again_,
                      [&](const Endpoint* endpoint) { return endpoint->session == session; });
        const auto entry = all_.find(session);
        const auto done = std::move(entry->second->done);
        all_.erase(entry);
        --sessions;
        done();
    }
    finished_.clear();
}

void RelayThreads::Thread::add(std::shared_ptr<Passthrough> passthrough, Done done) {
    auto owned = std::make_unique<Session>(std::move(passthrough), std::move(done));
    Session& session = *owned;
    all_.emplace(&session, std::move(owned));
    constexpr std::uint32_t interest = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    Passthrough& copied = *session.passthrough;
    if (!copied.finished()) {
        const bool watched =
            watch(copied.stream(Side::client).native_handle(), &session.client, interest) &&
            watch(copied.stream(Side::compute).native_handle(), &session.compute, interest);
        if (!watched) copied.terminate();
    }
    if (draining_) copied.drain();
    if (terminating_) copied.terminate();
    // TLS may hold bytes that no edge will announce.
    handle(session.client, EPOLLIN);
    handle(session.compute, EPOLLIN);
    settle(session);
}

void RelayThreads::Thread::drain() {
    draining_ = true;
    for (const auto& [session, owned] : all_) {
        session->passthrough->drain();
        settle(*session);
    }
}

void RelayThreads::Thread::terminate() {
    terminating_ = true;
    for (const auto& [session, owned] : all_) {
        session->passthrough->terminate();
        settle(*session);
    }
}

RelayThreads::RelayThreads(unsigned count) {
    for (unsigned i = 0; i < count; ++i) threads_.push_back(std::make_unique<Thread>());
}

RelayThreads::~RelayThreads() { stop(); }

void RelayThreads::start() {
    for (const auto& thread : threads_) thread->start();
}

void RelayThreads::stop() {
    for (const auto& thread : threads_) thread->stop();
}

void RelayThreads::add(std::shared_ptr<Passthrough> session, Done done) {
    session->stream(Side::client).detach();
    session->stream(Side::compute).detach();
    const auto idlest =
        std::min_element(threads_.begin(), threads_.end(), [](const auto& a, const auto& b) {
            return a->sessions < b->sessions;
        });
    Thread* thread = idlest->get();
    ++thread->sessions;
    thread->post([thread, session = std::move(session), done = std::move(done)] {
        thread->add(session, done);
    });
}

void RelayThreads::drain() {
    for (const auto& thread : threads_) thread->post([thread = thread.get()] { thread->drain(); });
}

void RelayThreads::terminate() {
    for (const auto& thread : threads_)
        thread->post([thread = thread.get()] { thread->terminate(); });
}

}  // namespace sluice::proxy
