#pragma once

#include "auth/core/link_session.hpp"
#include "common/observability/metrics.hpp"

#include <array>
#include <string>

namespace sluice::auth {

enum class SignInResult { success, wrong_password, throttled, busy };

// What sluice-auth counts. Any thread.
class AuthMetrics {
public:
    explicit AuthMetrics(metrics::Registry& registry);

    // `pattern` is the route's pattern: a closed set.
    void http_request(const std::string& pattern, int status);
    // Counts a link session that reached this state, if it is an end.
    void link_reached(LinkState state);
    void link_registered() { registered_.add(); }
    void links_pending(std::int64_t count) { pending_.set(static_cast<double>(count)); }
    void sign_in(SignInResult result);
    void notification(Delivery delivery);

private:
    metrics::Registry& registry_;
    metrics::Counter registered_;
    metrics::Gauge pending_;
    std::array<metrics::Counter, 6> links_;
    std::array<metrics::Counter, 4> sign_ins_;
    std::array<metrics::Counter, 3> notifications_;
};

}  // namespace sluice::auth
