#pragma once

#include "auth/service/config.hpp"

#include <filesystem>
#include <memory>

namespace sluice::auth {

// sluice-auth as a whole: builds its parts bottom-up, serves until SIGTERM or SIGINT.
class App {
public:
    // Opens the database, keys, ports. Throws StartupError. `file` is read again on SIGHUP.
    App(AuthConfig config, std::filesystem::path file);
    ~App();
    // Returns after a graceful stop.
    void run();

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace sluice::auth
