#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <memory>
#include <thread>
#include <vector>

namespace sluice::net {

// Worker threads, each running one io_context. Objects made for a worker are touched by that
// worker only.
class IoThreads {
public:
    // 0 = one a core.
    explicit IoThreads(unsigned count);
    // stop() and join.
    ~IoThreads();

    std::size_t size() const { return workers_.size(); }
    boost::asio::io_context& context(std::size_t worker) { return workers_[worker]->context; }

    // Starts the threads. Handlers must not throw: an exception that escapes ends the process.
    void start();
    // Lets the workers end at once, whatever they still hold, and joins them.
    void stop();

private:
    struct Worker {
        boost::asio::io_context context{1};
        boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{
            context.get_executor()};
        std::thread thread;
    };
    std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace sluice::net
