#include "common/net/tls_context.hpp"

#include "common/base/startup_error.hpp"
#include "common/crypto/key_file.hpp"
#include "tests/support/certificates.hpp"

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <ctime>
#include <fstream>

namespace sluice::net {
namespace {

using Alpn = TlsServerContext::Alpn;

TlsServerContext::Files files_of(const crypto::CertificateFiles& pair) {
    return {pair.certificate, pair.key};
}

std::string load_error(const TlsServerContext::Files& files) {
    const auto loaded = TlsServerContext::load(files, Alpn::postgresql);
    return loaded ? "" : loaded.error().message();
}

// Replaces `to` as an administrator does: by renaming.
void replace(const std::filesystem::path& from, const std::filesystem::path& to) {
    const auto next = to.string() + ".new";
    std::filesystem::copy_file(from, next);
    std::filesystem::rename(next, to);
}

TEST(TlsServerContext, LoadsAPairAndKnowsItsEnd) {
    const test::TestCertificates certificates;

    const auto loaded = TlsServerContext::load(files_of(certificates.server), Alpn::postgresql);

    ASSERT_TRUE(loaded.has_value()) << loaded.error().message();
    EXPECT_GT((*loaded)->not_after(), std::time(nullptr) + 86400);
}

TEST(TlsServerContext, ErrorsNameTheFileAndTheReason) {
    const test::TestCertificates certificates;
    const auto& [certificate, key] = certificates.server;
    const auto missing = certificates.folder() / "missing.crt";
    const auto garbage = certificates.folder() / "garbage.crt";
    std::ofstream(garbage) << "this is no certificate\n";

    EXPECT_EQ(load_error({missing, key}),
              "certificate " + missing.string() + ": No such file or directory");
    EXPECT_EQ(load_error({certificate, missing}),
              "key " + missing.string() + ": No such file or directory");
    EXPECT_EQ(load_error({certificates.folder(), key}),
              "certificate " + certificates.folder().string() + ": Is a directory");
    EXPECT_EQ(load_error({garbage, key}), "certificate " + garbage.string() + ": no start line");
    EXPECT_EQ(load_error({certificate, certificates.authority.key}),
              "key " + certificates.authority.key.string() + ": does not match the certificate " +
                  certificate.string());
    EXPECT_TRUE(load_error({certificate, garbage}).starts_with("key " + garbage.string() + ": "));
}

class ReloadingTlsContextTest : public ::testing::Test {
protected:
    test::TestCertificates first;
    test::TestCertificates second;
    ReloadingTlsContext context{files_of(first.server), Alpn::postgresql};
};

TEST_F(ReloadingTlsContextTest, KeepsItsContextWhileTheFilesStay) {
    const auto before = context.current();

    const auto changed = context.reload_if_changed();

    EXPECT_FALSE(*changed);
    EXPECT_EQ(context.current(), before);
}

TEST_F(ReloadingTlsContextTest, LoadsChangedFiles) {
    const auto before = context.current();
    replace(second.server.certificate, first.server.certificate);
    replace(second.server.key, first.server.key);

    const auto changed = context.reload_if_changed();

    ASSERT_TRUE(changed.has_value()) << changed.error().message();
    EXPECT_TRUE(*changed);
    EXPECT_NE(context.current(), before);
    EXPECT_FALSE(*context.reload_if_changed());
}

TEST_F(ReloadingTlsContextTest, ABrokenPairIsReportedOnceAndTheOldOneStays) {
    const auto before = context.current();
    replace(second.server.certificate, first.server.certificate);

    const auto broken = context.reload_if_changed();

    ASSERT_FALSE(broken.has_value());
    EXPECT_NE(broken.error().message().find("does not match"), std::string::npos);
    EXPECT_EQ(context.current(), before);
    EXPECT_FALSE(*context.reload_if_changed());

    replace(second.server.key, first.server.key);
    EXPECT_TRUE(*context.reload_if_changed());
    EXPECT_NE(context.current(), before);
}

TEST_F(ReloadingTlsContextTest, ReloadsWhenAsked) {
    const auto before = context.current();

    EXPECT_TRUE(context.reload().has_value());

    EXPECT_NE(context.current(), before);
}

TEST(ReloadingTlsContext, AStartWithoutFilesFails) {
    const TlsServerContext::Files missing{"/nonexistent/a.crt", "/nonexistent/a.key"};

    EXPECT_THROW(ReloadingTlsContext(missing, Alpn::none), StartupError);
}

TEST(TlsMode, ParsesTheWordsOfLibpq) {
    EXPECT_EQ(parse_tls_mode("disable"), TlsMode::disable);
    EXPECT_EQ(parse_tls_mode("prefer"), TlsMode::prefer);
    EXPECT_EQ(parse_tls_mode("require"), TlsMode::require);
    EXPECT_EQ(parse_tls_mode("verify-ca"), TlsMode::verify_ca);
    EXPECT_EQ(parse_tls_mode("verify-full"), TlsMode::verify_full);
    EXPECT_EQ(parse_tls_mode("verify_full"), std::nullopt);
}

TEST(TlsMode, ConfigurationFilesDoNotAllow) { EXPECT_EQ(parse_tls_mode("allow"), std::nullopt); }

// A self-signed certificate of a client; `password` encrypts the key.
TlsServerContext::Files make_identity(const std::filesystem::path& folder, const char* password) {
    auto files = test::make_self_signed(folder, test::SelfSigned::ecdsa_sha256);
    if (password != nullptr) {
        const auto key = *crypto::read_key_file(files.key);
        BIO* in = BIO_new_mem_buf(key.reveal().data(), static_cast<int>(key.reveal().size()));
        EVP_PKEY* decoded = PEM_read_bio_PrivateKey(in, nullptr, nullptr, nullptr);
        BIO* out = BIO_new_file(files.key.c_str(), "w");
        PEM_write_bio_PrivateKey(
            out, decoded, EVP_aes_128_cbc(), nullptr, 0, nullptr, const_cast<char*>(password));
        BIO_free(out);
        BIO_free(in);
        EVP_PKEY_free(decoded);
    }
    std::filesystem::permissions(files.key, std::filesystem::perms(0600));
    return {files.certificate, files.key};
}

TEST(TlsClientContext, AKeyThatOthersMayReadIsRefused) {
    const test::TemporaryFolder folder;
    TlsClientOptions options;
    options.identity = make_identity(folder.path(), nullptr);
    EXPECT_TRUE(TlsClientContext::make(options).has_value());
    for (const unsigned mode : {0604U, 0620U, 0610U}) {
        std::filesystem::permissions(options.identity->key, std::filesystem::perms(mode));

        const auto made = TlsClientContext::make(options);

        ASSERT_FALSE(made.has_value()) << mode;
        EXPECT_EQ(made.error().message(),
                  "key " + options.identity->key.string() + ": has group or world access");
    }
}

TEST(TlsClientContext, AnEncryptedKeyNeedsItsPassword) {
    const test::TemporaryFolder folder;
    TlsClientOptions options;
    options.identity = make_identity(folder.path(), "open sesame");
    EXPECT_FALSE(TlsClientContext::make(options).has_value());
    options.key_password = Secret("wrong");
    EXPECT_FALSE(TlsClientContext::make(options).has_value());
    options.key_password = Secret("open sesame");
    EXPECT_TRUE(TlsClientContext::make(options).has_value());
}

TEST(TlsClientContext, AMissingCertificateIsNamed) {
    TlsClientOptions options;
    options.identity = {"/nonexistent/a.crt", "/nonexistent/a.key"};

    const auto made = TlsClientContext::make(options);

    ASSERT_FALSE(made.has_value());
    EXPECT_EQ(made.error().message(), "certificate /nonexistent/a.crt: No such file or directory");
}

TEST(TlsClientContext, AMissingAuthorityIsNamed) {
    const auto made = TlsClientContext::make(TlsMode::verify_ca, "/nonexistent/ca.crt");

    ASSERT_FALSE(made.has_value());
    EXPECT_EQ(made.error().message(),
              "CA certificate /nonexistent/ca.crt: No such file or directory");
}

}  // namespace
}  // namespace sluice::net
