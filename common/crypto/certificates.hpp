#pragma once

#include "common/base/result.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace sluice::crypto {

struct CertificateFiles {
    std::filesystem::path certificate;
    std::filesystem::path key;
};

// A private certificate authority (P-256, ten years). The key file gets mode 0600.
Result<void> make_authority(const CertificateFiles& files, const std::string& name);
// A server certificate signed by it (P-256, 397 days); `names` are DNS names or IP literals. OpenSSL
// accepts a wildcard only above two labels: "*.localhost" matches nothing there (libpq does match it).
Result<void> make_server_certificate(const CertificateFiles& authority,
                                     const CertificateFiles& files,
                                     const std::vector<std::string>& names);

}  // namespace sluice::crypto
