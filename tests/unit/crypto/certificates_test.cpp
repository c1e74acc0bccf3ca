#include "common/crypto/certificates.hpp"

#include "common/crypto/openssl_support.hpp"
#include "tests/unit/crypto/temporary_folder.hpp"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace sluice::crypto {
namespace {

using StoreHandle = OpensslHandle<X509_STORE, X509_STORE_free>;
using StoreContextHandle = OpensslHandle<X509_STORE_CTX, X509_STORE_CTX_free>;

struct Pki {
    TemporaryFolder folder;
    CertificateFiles authority{folder / "ca.crt", folder / "ca.key"};
    CertificateFiles server{folder / "server.crt", folder / "server.key"};
};

X509Handle load_certificate(const std::filesystem::path& file) {
    const std::string text = read_file(file);
    const BioHandle bio = memory_bio(text);
    return X509Handle(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
}

// X509_V_OK, or why the chain does not hold for a TLS server.
int verify(X509* certificate, X509* authority) {
    const StoreHandle store(X509_STORE_new());
    X509_STORE_add_cert(store.get(), authority);
    X509_STORE_set_flags(store.get(), X509_V_FLAG_X509_STRICT);
    X509_STORE_set_purpose(store.get(), X509_PURPOSE_SSL_SERVER);
    const StoreContextHandle context(X509_STORE_CTX_new());
    X509_STORE_CTX_init(context.get(), store.get(), certificate, nullptr);
    X509_verify_cert(context.get());
    return X509_STORE_CTX_get_error(context.get());
}

TEST(Certificates, ServerCertificateVerifiesAgainstItsAuthority) {
    const Pki pki;
    ASSERT_TRUE(make_authority(pki.authority, "sluice test authority"));
    const auto made = make_server_certificate(pki.authority, pki.server, {"localhost"});
    ASSERT_TRUE(made) << made.error().message();
    const X509Handle server = load_certificate(pki.server.certificate);
    const X509Handle authority = load_certificate(pki.authority.certificate);
    ASSERT_TRUE(server && authority);
    const int result = verify(server.get(), authority.get());
    EXPECT_EQ(result, X509_V_OK) << X509_verify_cert_error_string(result);
}

TEST(Certificates, AnotherAuthorityOfTheSameNameIsNotTrusted) {
    const Pki pki;
    const Pki other;
    ASSERT_TRUE(make_authority(pki.authority, "same name"));
    ASSERT_TRUE(make_authority(other.authority, "same name"));
    ASSERT_TRUE(make_server_certificate(pki.authority, pki.server, {"localhost"}));
    const X509Handle server = load_certificate(pki.server.certificate);
    const X509Handle stranger = load_certificate(other.authority.certificate);
    EXPECT_NE(verify(server.get(), stranger.get()), X509_V_OK);
}

TEST(Certificates, NamesAndAddressesAreSubjectAlternativeNames) {
    const Pki pki;
    ASSERT_TRUE(make_authority(pki.authority, "authority"));
    ASSERT_TRUE(make_server_certificate(
        pki.authority, pki.server, {"localhost", "*.db.example", "127.0.0.1", "::1"}));
    const X509Handle server = load_certificate(pki.server.certificate);
    const auto names_host = [&](const char* name) {
        return X509_check_host(server.get(), name, 0, 0, nullptr) == 1;
    };
    const auto names_address = [&](const char* address) {
        return X509_check_ip_asc(server.get(), address, 0) == 1;
    };
    EXPECT_TRUE(names_host("localhost"));
    EXPECT_TRUE(names_host("local.db.example"));
    EXPECT_FALSE(names_host("example.org"));
    EXPECT_TRUE(names_address("127.0.0.1"));
    EXPECT_TRUE(names_address("::1"));
    EXPECT_FALSE(names_address("127.0.0.2"));
}

TEST(Certificates, RolesAreSeparate) {
    const Pki pki;
    ASSERT_TRUE(make_authority(pki.authority, "authority"));
    ASSERT_TRUE(make_server_certificate(pki.authority, pki.server, {"localhost"}));
    const X509Handle authority = load_certificate(pki.authority.certificate);
    const X509Handle server = load_certificate(pki.server.certificate);
    EXPECT_EQ(X509_check_ca(authority.get()), 1);
    EXPECT_EQ(X509_check_ca(server.get()), 0);
    EXPECT_EQ(X509_get_extended_key_usage(server.get()),
              static_cast<std::uint32_t>(XKU_SSL_SERVER));
    EXPECT_NE(X509_get0_subject_key_id(server.get()), nullptr);
    EXPECT_NE(X509_get0_authority_key_id(server.get()), nullptr);
}

TEST(Certificates, SerialNumbersDiffer) {
    const Pki pki;
    ASSERT_TRUE(make_authority(pki.authority, "authority"));
    ASSERT_TRUE(make_server_certificate(pki.authority, pki.server, {"a"}));
    const X509Handle first = load_certificate(pki.server.certificate);
    ASSERT_TRUE(make_server_certificate(pki.authority, pki.server, {"a"}));
    const X509Handle second = load_certificate(pki.server.certificate);
    EXPECT_NE(
        ASN1_INTEGER_cmp(X509_get0_serialNumber(first.get()), X509_get0_serialNumber(second.get())),
        0);
}

TEST(Certificates, OnlyTheOwnerReadsKeys) {
    const Pki pki;
    ASSERT_TRUE(make_authority(pki.authority, "authority"));
    ASSERT_TRUE(make_server_certificate(pki.authority, pki.server, {"localhost"}));
    EXPECT_EQ(mode_of(pki.authority.key), 0600U);
    EXPECT_EQ(mode_of(pki.server.key), 0600U);
    EXPECT_EQ(mode_of(pki.server.certificate), 0644U);
}

TEST(Certificates, LongNamesAreFine) {
    const Pki pki;
    ASSERT_TRUE(make_authority(pki.authority, std::string(200, 'a')));
    EXPECT_TRUE(make_server_certificate(
        pki.authority, pki.server, {std::string(60, 'b') + ".example.org.example"}));
}

TEST(Certificates, MissingOrForeignAuthorityIsRefused) {
    const Pki pki;
    const Pki other;
    EXPECT_FALSE(make_server_certificate(pki.authority, pki.server, {"localhost"}));
    ASSERT_TRUE(make_authority(pki.authority, "a"));
    ASSERT_TRUE(make_authority(other.authority, "b"));
    const CertificateFiles mixed{pki.authority.certificate, other.authority.key};
    const auto made = make_server_certificate(mixed, pki.server, {"localhost"});
    ASSERT_FALSE(made);
    EXPECT_NE(made.error().message().find("not the key of"), std::string::npos);
    EXPECT_FALSE(make_server_certificate(pki.authority, pki.server, {}));
}

}  // namespace
}  // namespace sluice::crypto
