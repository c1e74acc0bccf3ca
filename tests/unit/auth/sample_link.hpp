#pragma once

#include "auth/core/link_session.hpp"
#include "auth/core/times.hpp"

namespace sluice::test {

inline const WallTime noon = auth::from_unix_ms(1'770'000'000'000);

inline auth::LinkRegistration sample_registration() {
    auth::LinkRegistration registration;
    registration.session_id = "0123456789abcdefghjkmnpqrs";
    registration.phrase = "maple otter 47";
    registration.instance = "local";
    registration.ttl = std::chrono::seconds(120);
    registration.requested = auth::RequestedAccess{"app", "shop", "prod"};
    registration.client = auth::ClientInfo{"198.51.100.7", 53122, "psql", "TLSv1.3"};
    return registration;
}

inline auth::LinkSession sample_link() {
    return auth::start_link(sample_registration(), noon).session;
}

}  // namespace sluice::test
