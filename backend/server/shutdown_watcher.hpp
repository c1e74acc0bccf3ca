#pragma once

#include "backend/server/postgres_backend.hpp"

#include <set>

namespace sluice::pg {

// The sessions of one thread, to be stopped together. Everything on that thread.
class ShutdownWatcher {
public:
    // A session among those that are stopped, as long as this lives: also when what serves it ends
    // by an exception. Goes before the session and the watcher do.
    class [[nodiscard]] Membership {
    public:
        Membership(ShutdownWatcher& watcher, PostgresBackend& session);
        ~Membership();
        Membership(const Membership&) = delete;
        Membership& operator=(const Membership&) = delete;

    private:
        ShutdownWatcher& watcher_;
        PostgresBackend& session_;
    };
    // A session that comes after stop_all() is stopped at once.
    Membership add(PostgresBackend& session) { return {*this, session}; }
    // PostgresBackend::stop() for each: idle ones end now, busy ones after their query.
    void stop_all();
    bool stopping() const { return stopping_; }

private:
    std::set<PostgresBackend*> sessions_;
    bool stopping_ = false;
};

}  // namespace sluice::pg
