#include "common/crypto/hash.hpp"

#include "common/base/hex.hpp"

#include <gtest/gtest.h>

namespace sluice::crypto {
namespace {

TEST(Hash, Sha256MatchesFips180) {
    EXPECT_EQ(to_hex(sha256(as_bytes("abc"))),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(to_hex(sha256({})),
              "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Hash, HmacMatchesRfc4231) {
    EXPECT_EQ(to_hex(hmac_sha256(as_bytes("Jefe"), as_bytes("what do ya want for nothing?"))),
              "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    EXPECT_EQ(to_hex(hmac_sha256({}, {})),
              "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(Hash, Pbkdf2MatchesRfc7914) {
    EXPECT_EQ(to_hex(pbkdf2_sha256(Secret("passwd"), as_bytes("salt"), 1)),
              "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc");
}

TEST(Hash, Md5MatchesRfc1321) {
    EXPECT_EQ(md5_hex(as_bytes("abc")), "900150983cd24fb0d6963f7d28e17f72");
}

TEST(Hash, KeyedHashDependsOnKeyAndData) {
    const auto hash = keyed_hash(as_bytes("0123456789abcdef"), as_bytes("data"));
    EXPECT_EQ(hash, keyed_hash(as_bytes("0123456789abcdef"), as_bytes("data")));
    EXPECT_NE(hash, keyed_hash(as_bytes("0123456789abcdeF"), as_bytes("data")));
    EXPECT_NE(hash, keyed_hash(as_bytes("0123456789abcdef"), as_bytes("Data")));
}

TEST(Hash, ComparesContent) {
    EXPECT_TRUE(equal_constant_time(as_bytes("token"), as_bytes("token")));
    EXPECT_FALSE(equal_constant_time(as_bytes("token"), as_bytes("tokeN")));
    EXPECT_FALSE(equal_constant_time(as_bytes("token"), as_bytes("token2")));
    EXPECT_TRUE(equal_constant_time({}, {}));
}

TEST(Base64, MatchesRfc4648) {
    EXPECT_EQ(to_base64(as_bytes("")), "");
    EXPECT_EQ(to_base64(as_bytes("f")), "Zg==");
    EXPECT_EQ(to_base64(as_bytes("foobar")), "Zm9vYmFy");
    EXPECT_EQ(to_base64url(as_bytes("f")), "Zg");
    const Bytes bytes = {0xFB, 0xFF};
    EXPECT_EQ(to_base64(bytes), "+/8=");
    EXPECT_EQ(to_base64url(bytes), "-_8");
    EXPECT_EQ(parse_base64("+/8="), bytes);
    EXPECT_EQ(parse_base64url("-_8"), bytes);
    EXPECT_EQ(parse_base64(""), Bytes());
}

TEST(Base64, RefusesEverythingButTheCanonicalForm) {
    for (const char* text :
         {"Zg", "Zg=", "Zg===", "Z", "Zh==", "Zg==\n", " Zg==", "Zg-=", "Zm9v=", "=", "Zg==Zg=="}) {
        SCOPED_TRACE(text);
        EXPECT_FALSE(parse_base64(text));
    }
    for (const char* text : {"Zg==", "Zh", "Z", "+_8", "Zg\n"}) {
        SCOPED_TRACE(text);
        EXPECT_FALSE(parse_base64url(text));
    }
}

}  // namespace
}  // namespace sluice::crypto
