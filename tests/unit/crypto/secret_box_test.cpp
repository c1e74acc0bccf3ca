#include "common/crypto/secret_box.hpp"

#include "tests/unit/crypto/temporary_folder.hpp"

#include <gtest/gtest.h>

namespace sluice::crypto {
namespace {

constexpr const char* digits = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

SecretBox box_with(const TemporaryFolder& folder, const std::string& key) {
    write_file(folder / "seal.key", key);
    auto box = SecretBox::load(folder / "seal.key");
    EXPECT_TRUE(box);
    return *std::move(box);
}

TEST(SecretBox, OpensWhatItSealed) {
    const TemporaryFolder folder;
    const SecretBox box = box_with(folder, std::string(digits) + "\n");
    const std::string sealed = box.seal(Secret("p@ss"));
    EXPECT_EQ(sealed.find("p@ss"), std::string::npos);
    const auto opened = box.open(sealed);
    ASSERT_TRUE(opened);
    EXPECT_EQ(opened->reveal(), "p@ss");
    EXPECT_NE(box.seal(Secret("p@ss")), sealed) << "each seal has its own nonce";
}

TEST(SecretBox, SealsAnEmptySecret) {
    const TemporaryFolder folder;
    const SecretBox box = box_with(folder, digits);
    const auto opened = box.open(box.seal(Secret("")));
    ASSERT_TRUE(opened);
    EXPECT_TRUE(opened->empty());
}

TEST(SecretBox, RefusesChangedText) {
    const TemporaryFolder folder;
    const SecretBox box = box_with(folder, digits);
    std::string sealed = box.seal(Secret("p@ss"));
    sealed[40] = sealed[40] == 'A' ? 'B' : 'A';
    const auto opened = box.open(sealed);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().kind, ErrorKind::storage);
    EXPECT_FALSE(box.open(""));
    EXPECT_FALSE(box.open("not base64!"));
    EXPECT_FALSE(box.open("AAAA"));
}

TEST(SecretBox, RefusesTextOfAnotherKey) {
    const TemporaryFolder folder;
    const std::string sealed = box_with(folder, digits).seal(Secret("p@ss"));
    EXPECT_FALSE(box_with(folder, std::string(64, '0')).open(sealed));
}

TEST(SecretBox, KeyFileMustHold64HexDigits) {
    const TemporaryFolder folder;
    for (const std::string content : {"", "00", "xyz", "0011\n2233"}) {
        SCOPED_TRACE(content);
        write_file(folder / "seal.key", content);
        const auto box = SecretBox::load(folder / "seal.key");
        ASSERT_FALSE(box);
        EXPECT_NE(box.error().message().find("seal.key: expected a key of 64 hex digits"),
                  std::string::npos);
    }
    EXPECT_FALSE(SecretBox::load(folder / "absent.key"));
}

}  // namespace
}  // namespace sluice::crypto
