#pragma once

#include "common/config/host_port.hpp"
#include "common/config/yaml.hpp"

#include <chrono>
#include <optional>
#include <string>

namespace sluice::config {

// The sections that every service has: admin, log, shutdown, threads.
struct ServiceConfig {
    std::optional<HostPort> admin;                // admin.listen; absent = no admin port
    std::string log_level = "info";               // trace debug info warn error
    std::string log_format = "auto";              // auto | text | json
    std::chrono::milliseconds shutdown_delay{0};  // listeners stay open that long after SIGTERM
    std::chrono::milliseconds shutdown_deadline{30'000};  // then sessions are cut off
    unsigned threads = 0;                                 // 0 = one a core

    static ServiceConfig read(Section& root);
};

// Reads "host:port" at `key`; ConfigError when malformed.
HostPort read_host_port(Section& section, const std::string& key);

// A file whose whole content, without the trailing newline, is a secret or a token.
// Throws StartupError naming the file; warns nothing, the caller logs.
std::string read_secret_file(const std::filesystem::path& file);

}  // namespace sluice::config
