#include "backend/server/shutdown_watcher.hpp"

namespace sluice::pg {

void ShutdownWatcher::add(PostgresBackend& session) {
    sessions_.insert(&session);
    if (stopping_) session.stop();
}

void ShutdownWatcher::remove(PostgresBackend& session) { sessions_.erase(&session); }

void ShutdownWatcher::stop_all() {
    stopping_ = true;
    for (PostgresBackend* session : sessions_) session->stop();
}

}  // namespace sluice::pg
