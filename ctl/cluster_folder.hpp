#pragma once

#include "ctl/cluster_file.hpp"
#include "ctl/paths.hpp"

#include <filesystem>
#include <string>

namespace sluice::ctl {

struct Cluster {
    Paths paths;
    ClusterFile file;

    // The cluster in that folder. Throws StartupError when there is none, or it belongs to another
    // account than the caller's.
    static Cluster open(const std::filesystem::path& dir);
    void save() const;
};

bool is_cluster(const Paths& paths);

// Throws StartupError when the folder holds other things than a cluster, or belongs to another
// account than the caller's.
void require_cluster_or_empty(const Paths& paths);

// Makes the folders, and of CA, certificates, keys, tokens and configuration files what is missing.
// Certificates of ours that end within a month are made anew. True when anything was made.
bool complete_files(const Cluster& cluster);

// Throws StartupError when the folder or its cluster.yaml belongs to another account.
void require_own(const Paths& paths);
// What that error says.
std::string foreign_text(const std::filesystem::path& file, const std::string& owner);

}  // namespace sluice::ctl
