#pragma once

#include "auth/api/messages.hpp"
#include "common/net/one_shot.hpp"

#include <memory>
#include <optional>
#include <string>
#include <variant>

namespace sluice::proxy {

// This proxy is shutting down: waiting is over.
struct Draining {};
using LinkOutcome = std::variant<auth::LinkSuccess, auth::LinkFailure, Draining>;

// Link sessions that wait for their result, by session id. Any thread; a waiter is used by the
// thread whose context it was made for.
class Waiters {
    struct Shared;

public:
    Waiters();

    // Holds one registration; it ends with this object.
    class Waiter {
    public:
        Waiter(Waiter&& other) noexcept = default;
        Waiter& operator=(Waiter&&) = delete;
        ~Waiter();
        // The outcome; nullopt at the deadline or when cancelled.
        net::Awaitable<std::optional<LinkOutcome>> wait(Deadline deadline) {
            return result_.wait(deadline);
        }
        // Ends the wait from this side.
        void end(LinkOutcome outcome) const { result_.setter().set(std::move(outcome)); }

    private:
        friend class Waiters;
        Waiter(std::shared_ptr<Shared> shared, std::string id, net::OneShot<LinkOutcome> result)
            : shared_(std::move(shared)), id_(std::move(id)), result_(std::move(result)) {}
        std::shared_ptr<Shared> shared_;
        std::string id_;
        mutable net::OneShot<LinkOutcome> result_;
    };

    // nullopt when the id is taken.
    std::optional<Waiter> add(boost::asio::io_context& context, const std::string& id);
    // Hands the outcome over, once: false when nobody waits under that id (any more).
    bool notify(const std::string& id, LinkOutcome outcome);

private:
    std::shared_ptr<Shared> shared_;
};

}  // namespace sluice::proxy
