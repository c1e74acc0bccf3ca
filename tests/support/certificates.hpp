#pragma once

#include "common/crypto/certificates.hpp"

#include <filesystem>
#include <string>

namespace sluice::test {

// A folder that lives as long as the object.
class TemporaryFolder {
public:
    TemporaryFolder();
    ~TemporaryFolder();
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

// A certificate authority and a certificate for localhost and 127.0.0.1 signed by it.
class TestCertificates {
    TemporaryFolder folder_;

public:
    TestCertificates();
    crypto::CertificateFiles authority;
    crypto::CertificateFiles server;
    const std::filesystem::path& folder() const { return folder_.path(); }
};

// Kinds of self-signed certificates, for what depends on the signature algorithm.
enum class SelfSigned {
    ecdsa_sha1,
    ecdsa_sha256,
    ecdsa_sha384,
    ecdsa_sha512,
    rsa_sha256,
    rsa_pss_sha384,
    ed25519,
};
crypto::CertificateFiles make_self_signed(const std::filesystem::path& folder, SelfSigned kind);

}  // namespace sluice::test
