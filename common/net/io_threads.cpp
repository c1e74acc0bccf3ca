#include "common/net/io_threads.hpp"

#include <pthread.h>

#include <algorithm>
#include <csignal>
#include <string>

namespace sluice::net {

namespace {

// Signals belong to the main thread: the workers inherit a mask that blocks all of them.
class AllSignalsBlocked {
public:
    AllSignalsBlocked() {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~AllSignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    AllSignalsBlocked(const AllSignalsBlocked&) = delete;
    AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;

private:
    sigset_t before_;
};

void run_worker(boost::asio::io_context& context) noexcept { context.run(); }

}  // namespace

IoThreads::IoThreads(unsigned count) {
    if (count == 0) count = std::max(1U, std::thread::hardware_concurrency());
    workers_.reserve(count);
    for (unsigned i = 0; i < count; ++i) workers_.push_back(std::make_unique<Worker>());
}

IoThreads::~IoThreads() { stop(); }

void IoThreads::start() {
    const AllSignalsBlocked blocked;
    for (std::size_t i = 0; i < workers_.size(); ++i) {
        Worker& worker = *workers_[i];
        worker.thread = std::thread([&worker] { run_worker(worker.context); });
        pthread_setname_np(worker.thread.native_handle(), ("io-" + std::to_string(i)).c_str());
    }
}

void IoThreads::stop() {
    for (const auto& worker : workers_) worker->context.stop();
    for (const auto& worker : workers_) {
        if (worker->thread.joinable()) worker->thread.join();
    }
}

}  // namespace sluice::net
