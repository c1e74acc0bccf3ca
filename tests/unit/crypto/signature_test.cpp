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

// Which of the keys has signed: its index, or -1.
int signer(const std::vector<PublicKey>& keys, const PrivateKey& key) {
    const Bytes signature = key.sign_ed25519(as_bytes("message"));
    for (std::size_t i = 0; i < keys.size(); ++i) {
        if (keys[i].verify_ed25519(as_bytes("message"), signature)) return static_cast<int>(i);
    }
    return -1;
}

TEST(Signature, LoadsTheKeyOfAFile) {
    const TemporaryFolder folder;
    ASSERT_TRUE(PrivateKey::generate(folder / "m.key", folder / "m.pub"));
    const auto keys = PublicKey::load_all(folder / "m.pub");
    ASSERT_TRUE(keys);
    EXPECT_EQ(keys->size(), 1U);
    EXPECT_EQ(signer(*keys, *PrivateKey::load(folder / "m.key")), 0);
}

TEST(Signature, LoadsTheKeysOfAFolderInTheOrderOfTheirNames) {
    const TemporaryFolder folder;
    const auto keys_of = folder / "keys";
    std::filesystem::create_directories(keys_of / "older");
    ASSERT_TRUE(PrivateKey::generate(folder / "2.key", keys_of / "2.pub"));
    ASSERT_TRUE(PrivateKey::generate(folder / "1.key", keys_of / "1.pub"));
    ASSERT_TRUE(PrivateKey::generate(folder / "0.key", keys_of / "older/0.pub"));
    ASSERT_TRUE(PrivateKey::generate(folder / "3.key", folder / "3.pub"));
    std::filesystem::create_symlink(folder / "3.pub", keys_of / "3.pub");
    const auto keys = PublicKey::load_all(keys_of);
    ASSERT_TRUE(keys) << keys.error().message();
    EXPECT_EQ(keys->size(), 3U);
    EXPECT_EQ(signer(*keys, *PrivateKey::load(folder / "1.key")), 0);
    EXPECT_EQ(signer(*keys, *PrivateKey::load(folder / "2.key")), 1);
    EXPECT_EQ(signer(*keys, *PrivateKey::load(folder / "3.key")), 2);
    EXPECT_EQ(signer(*keys, *PrivateKey::load(folder / "0.key")), -1);
}

TEST(Signature, AFolderHoldsKeysAndNothingElse) {
    const TemporaryFolder folder;
    const auto keys_of = folder / "keys";
    std::filesystem::create_directories(keys_of);
    const auto none = PublicKey::load_all(keys_of);
    ASSERT_FALSE(none);
    EXPECT_NE(none.error().message().find("keys: no keys in the folder"), std::string::npos);
    ASSERT_TRUE(PrivateKey::generate(folder / "m.key", keys_of / "m.pub"));
    EXPECT_TRUE(PublicKey::load_all(keys_of));
    write_file(keys_of / "notes.txt", "no key");
    const auto mixed = PublicKey::load_all(keys_of);
    ASSERT_FALSE(mixed);
    EXPECT_NE(mixed.error().message().find("notes.txt"), std::string::npos);
    const auto absent = PublicKey::load_all(folder / "absent");
    ASSERT_FALSE(absent);
    EXPECT_NE(absent.error().message().find("absent"), std::string::npos);
}

TEST(Signature, GeneratingIntoAMissingFolderFails) {
    const TemporaryFolder folder;
    const auto made = PrivateKey::generate(folder / "none/m.key", folder / "none/m.pub");
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().kind, ErrorKind::storage);
}

}  // namespace
}  // namespace sluice::crypto
