#pragma once

#include "ctl/ports.hpp"

#include <filesystem>
#include <string>

namespace sluice::ctl {

// cluster.yaml: what sluicectl itself must know about a cluster.
struct ClusterFile {
    Ports ports;
    std::filesystem::path postgres_bin;     // folder of initdb and postgres
    std::filesystem::path postgres_data;    // PGDATA; where <dir>/postgres leads to
    std::filesystem::path postgres_socket;  // folder of its Unix socket
    // True once the first user, target and grant were made; they are never made a second time.
    bool registered = false;

    bool operator==(const ClusterFile&) const = default;

    // Throws ConfigError.
    static ClusterFile load(const std::filesystem::path& file);
};

std::string render(const ClusterFile& cluster);

// `text` as a YAML scalar that reads back as the same text.
std::string yaml_quoted(const std::string& text);

}  // namespace sluice::ctl
