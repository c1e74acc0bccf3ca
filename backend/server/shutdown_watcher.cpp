#include "backend/server/shutdown_watcher.hpp"

namespace sluice::pg {

ShutdownWatcher::Membership::Membership(ShutdownWatcher& watcher, PostgresBackend& session)
    : watcher_(watcher), session_(session) {
    watcher_.sessions_.insert(&session_);
    if (watcher_.stopping_) session_.stop();
}

ShutdownWatcher::Membership::~Membership() { watcher_.sessions_.erase(&session_); }

void ShutdownWatcher::stop_all() {
    stopping_ = true;
    for (PostgresBackend* session : sessions_) session->stop();
}

}  // namespace sluice::pg
