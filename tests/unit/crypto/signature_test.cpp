#include "common/crypto/signature.hpp"

#include "common/crypto/certificates.hpp"
#include "tests/unit/crypto/temporary_folder.hpp"

#include <gtest/gtest.h>

namespace sluice::crypto {
namespace {

TEST(Signature, PublicKeyVerifiesWhatThePrivateKeySigned) {
    const TemporaryFolder folder;
    ASSERT_TRUE(PrivateKey::generate(folder / "m.key", folder / "m.pub"));
    const auto private_key = PrivateKey::load(folder / "m.key");
    const auto public_key = PublicKey::load(folder / "m.pub");
    ASSERT_TRUE(private_key && public_key);
    Bytes signature = private_key->sign_ed25519(as_bytes("message"));
    EXPECT_EQ(signature.size(), 64U);
    EXPECT_TRUE(public_key->verify_ed25519(as_bytes("message"), signature));
    EXPECT_FALSE(public_key->verify_ed25519(as_bytes("other"), signature));
    EXPECT_FALSE(public_key->verify_ed25519(as_bytes("message"), ByteView(signature).first(63)));
    signature[0] ^= 1U;
    EXPECT_FALSE(public_key->verify_ed25519(as_bytes("message"), signature));
}

TEST(Signature, OnlyTheOwnerReadsThePrivateKey) {
    const TemporaryFolder folder;
    ASSERT_TRUE(PrivateKey::generate(folder / "m.key", folder / "m.pub"));
    EXPECT_EQ(mode_of(folder / "m.key"), 0600U);
    EXPECT_EQ(mode_of(folder / "m.pub"), 0644U);
    EXPECT_EQ(folder.file_count(), 2U) << "no temporary file may stay";
}

TEST(Signature, GeneratingReplacesAWorldReadableFile) {
    const TemporaryFolder folder;
    write_file(folder / "m.key", "old");
    ASSERT_TRUE(PrivateKey::generate(folder / "m.key", folder / "m.pub"));
    EXPECT_EQ(mode_of(folder / "m.key"), 0600U);
    EXPECT_TRUE(PrivateKey::load(folder / "m.key"));
}

TEST(Signature, ErrorsNameTheFile) {
    const TemporaryFolder folder;
    const auto absent = PublicKey::load(folder / "absent.pub");
    ASSERT_FALSE(absent);
    EXPECT_NE(absent.error().message().find("absent.pub"), std::string::npos);
    EXPECT_NE(absent.error().message().find("No such file"), std::string::npos);
    write_file(folder / "broken.pub", "no key");
    const auto broken = PublicKey::load(folder / "broken.pub");
    ASSERT_FALSE(broken);
    EXPECT_NE(broken.error().message().find("broken.pub: no public key in PEM"), std::string::npos);
}

TEST(Signature, RefusesKeysOfAnotherKind) {
    const TemporaryFolder folder;
    ASSERT_TRUE(make_authority({folder / "ca.crt", folder / "ca.key"}, "test"));
    const auto key = PrivateKey::load(folder / "ca.key");
    ASSERT_FALSE(key);
    EXPECT_NE(key.error().message().find("not an Ed25519 key"), std::string::npos);
}

TEST(Signature, GeneratingIntoAMissingFolderFails) {
    const TemporaryFolder folder;
    const auto made = PrivateKey::generate(folder / "none/m.key", folder / "none/m.pub");
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().kind, ErrorKind::storage);
}

}  // namespace
}  // namespace sluice::crypto
