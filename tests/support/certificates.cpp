#include "tests/support/certificates.hpp"

#include "common/base/assert.hpp"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <stdlib.h>

#include <cstdio>
#include <memory>

namespace sluice::test {

namespace {

template <auto Free>
struct FreeWith {
    template <class T>
    void operator()(T* object) const {
        Free(object);
    }
};
using Key = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, FreeWith<X509_free>>;
using Signing = std::unique_ptr<EVP_MD_CTX, FreeWith<EVP_MD_CTX_free>>;
using File = std::unique_ptr<std::FILE, FreeWith<std::fclose>>;

const EVP_MD* digest_of(SelfSigned kind) {
    switch (kind) {
    case SelfSigned::ecdsa_sha1: return EVP_sha1();
    case SelfSigned::ecdsa_sha256:
    case SelfSigned::rsa_sha256: return EVP_sha256();
    case SelfSigned::ecdsa_sha384:
    case SelfSigned::rsa_pss_sha384: return EVP_sha384();
    case SelfSigned::ecdsa_sha512: return EVP_sha512();
    case SelfSigned::ed25519: return nullptr;
    }
    return nullptr;
}

Key make_key(SelfSigned kind) {
    switch (kind) {
    case SelfSigned::ed25519: return Key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
    case SelfSigned::rsa_sha256:
    case SelfSigned::rsa_pss_sha384: return Key(EVP_RSA_gen(2048));
    default: return Key(EVP_EC_gen("P-256"));
    }
}

void sign(X509* certificate, EVP_PKEY* key, SelfSigned kind) {
    const Signing signing(EVP_MD_CTX_new());
    EVP_PKEY_CTX* options = nullptr;
    SLUICE_ASSERT(EVP_DigestSignInit(signing.get(), &options, digest_of(kind), nullptr, key) == 1);
    if (kind == SelfSigned::rsa_pss_sha384) {
        SLUICE_ASSERT(EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1);
    }
    SLUICE_ASSERT(X509_sign_ctx(certificate, signing.get()) > 0);
}

Certificate self_signed(EVP_PKEY* key, SelfSigned kind) {
    Certificate certificate(X509_new());
    X509_set_version(certificate.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
    X509_set_pubkey(certificate.get(), key);
    X509_NAME* name = X509_get_subject_name(certificate.get());
    X509_NAME_add_entry_by_txt(
        name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
    X509_set_issuer_name(certificate.get(), name);
    sign(certificate.get(), key, kind);
    return certificate;
}

}  // namespace

TemporaryFolder::TemporaryFolder() {
    auto pattern = (std::filesystem::temp_directory_path() / "sluice-test-XXXXXX").string();
    SLUICE_ASSERT(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

TestCertificates::TestCertificates()
    : authority{folder() / "ca.crt", folder() / "ca.key"},
      server{folder() / "server.crt", folder() / "server.key"} {
    const auto made = crypto::make_authority(authority, "sluice test");
    SLUICE_ASSERT(made.has_value());
    const auto signed_one =
        crypto::make_server_certificate(authority, server, {"localhost", "127.0.0.1"});
    SLUICE_ASSERT(signed_one.has_value());
}

crypto::CertificateFiles make_self_signed(const std::filesystem::path& folder, SelfSigned kind) {
    const Key key = make_key(kind);
    const auto certificate = self_signed(key.get(), kind);
    const crypto::CertificateFiles files{folder / "self.crt", folder / "self.key"};
    const File certificate_file(std::fopen(files.certificate.c_str(), "w"));
    const File key_file(std::fopen(files.key.c_str(), "w"));
    PEM_write_X509(certificate_file.get(), certificate.get());
    PEM_write_PrivateKey(key_file.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    return files;
}

}  // namespace sluice::test
