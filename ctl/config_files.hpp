#pragma once

#include "ctl/ports.hpp"

#include <string>

namespace sluice::ctl {

// The configuration files of a new cluster, with comments that explain every section. Paths in
// them are relative to the folder of the file.
std::string render_proxy_config(const Ports& ports);
std::string render_auth_config(const Ports& ports);

}  // namespace sluice::ctl
