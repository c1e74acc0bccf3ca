#pragma once

#include "backend/server/postgres_backend.hpp"

#include <set>

namespace sluice::pg {

// The sessions of one thread, to be stopped together. Everything on that thread; sessions are
// removed before they are destroyed.
class ShutdownWatcher {
public:
    // A session that comes after stop_all() is stopped at once.
    void add(PostgresBackend& session);
    void remove(PostgresBackend& session);
    // PostgresBackend::stop() for each: idle ones end now, busy ones after their query.
    void stop_all();
    bool stopping() const { return stopping_; }

private:
    std::set<PostgresBackend*> sessions_;
    bool stopping_ = false;
};

}  // namespace sluice::pg
