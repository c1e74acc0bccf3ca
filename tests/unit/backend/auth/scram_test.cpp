#include "backend/auth/scram.hpp"

#include <gtest/gtest.h>

namespace sluice::pg {
namespace {

// RFC 7677, 3.
constexpr std::string_view rfc_nonce = "rOprNGfwEbeRWgbNEkqO";
constexpr std::string_view rfc_challenge =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
constexpr std::string_view rfc_final = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

ScramClient::Options rfc_options() {
    ScramClient::Options options;
    options.password = Secret("pencil");
    options.nonce = rfc_nonce;
    options.user = "user";
    return options;
}

TEST(ScramClient, SpeaksTheExampleOfRfc7677) {
    ScramClient client(rfc_options());
    EXPECT_EQ(client.mechanism(), "SCRAM-SHA-256");
    EXPECT_EQ(client.first(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
    const auto response = client.challenge(rfc_challenge);
    ASSERT_TRUE(response);
    EXPECT_EQ(*response,
              "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
              "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
    EXPECT_FALSE(client.finished());
    EXPECT_TRUE(client.finish(rfc_final));
    EXPECT_TRUE(client.finished());
}

TEST(ScramClient, BindsToTheChannel) {
    ScramClient::Options options = rfc_options();
    options.binding = ScramClient::Binding::end_point;
    options.end_point = Bytes{1, 2, 3};
    ScramClient client(std::move(options));
    EXPECT_EQ(client.mechanism(), "SCRAM-SHA-256-PLUS");
    EXPECT_EQ(client.first(), "p=tls-server-end-point,,n=user,r=rOprNGfwEbeRWgbNEkqO");
    const auto response = client.challenge(rfc_challenge);
    ASSERT_TRUE(response);
    // base64("p=tls-server-end-point,," 01 02 03)
    EXPECT_TRUE(response->starts_with("c=cD10bHMtc2VydmVyLWVuZC1wb2ludCwsAQID,")) << *response;
}

TEST(ScramClient, SaysThatItCouldHaveBound) {
    ScramClient::Options options = rfc_options();
    options.binding = ScramClient::Binding::server_lacks;
    ScramClient client(std::move(options));
    EXPECT_EQ(client.mechanism(), "SCRAM-SHA-256");
    EXPECT_TRUE(client.first().starts_with("y,,"));
    EXPECT_TRUE(client.challenge(rfc_challenge)->starts_with("c=eSws,"));
}

TEST(ScramClient, EscapesTheUserName) {
    ScramClient::Options options = rfc_options();
    options.user = "a=b,c";
    EXPECT_EQ(ScramClient(std::move(options)).first(), "n,,n=a=3Db=2Cc,r=rOprNGfwEbeRWgbNEkqO");
}

TEST(ScramClient, RefusesBadChallenges) {
    struct Case {
        const char* name;
        std::string_view message;
    };
    const Case cases[] = {
        {"empty", ""},
        {"another nonce", "r=foreign,s=W22Z,i=4096"},
        {"only our nonce", "r=rOprNGfwEbeRWgbNEkqO,s=W22Z,i=4096"},
        {"no salt", "r=rOprNGfwEbeRWgbNEkqOx,i=4096"},
        {"empty salt", "r=rOprNGfwEbeRWgbNEkqOx,s=,i=4096"},
        {"salt is not base64", "r=rOprNGfwEbeRWgbNEkqOx,s=!!!!,i=4096"},
        {"no count", "r=rOprNGfwEbeRWgbNEkqOx,s=W22Z"},
        {"count 0", "r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=0"},
        {"count is not a number", "r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=4096x"},
        {"negative count", "r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=-1"},
        {"too many iterations", "r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=1000001"},
        {"more than 32 bits", "r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=4294967297"},
        {"wrong order", "s=W22Z,r=rOprNGfwEbeRWgbNEkqOx,i=4096"},
        {"mandatory extension", "m=x,r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=4096"},
        {"trailing attribute", "r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=4096,x=y"},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(test.name);
        ScramClient client(rfc_options());
        const auto response = client.challenge(test.message);
        ASSERT_FALSE(response);
        EXPECT_EQ(response.error().kind, ErrorKind::compute);
    }
}

TEST(ScramClient, RefusesAServerThatDoesNotKnowThePassword) {
    struct Case {
        const char* name;
        std::string_view message;
    };
    const Case cases[] = {
        {"another signature", "v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="},
        {"short signature", "v=6rri"},
        {"empty signature", "v="},
        {"an error", "e=invalid-proof"},
        {"empty", ""},
        {"garbage", "hello"},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(test.name);
        ScramClient client(rfc_options());
        ASSERT_TRUE(client.challenge(rfc_challenge));
        EXPECT_FALSE(client.finish(test.message));
        EXPECT_FALSE(client.finished());
    }
}

TEST(ScramClient, RefusesMessagesOutOfOrder) {
    ScramClient early(rfc_options());
    EXPECT_FALSE(early.finish(rfc_final));
    ScramClient twice(rfc_options());
    ASSERT_TRUE(twice.challenge(rfc_challenge));
    EXPECT_FALSE(twice.challenge(rfc_challenge));
}

}  // namespace
}  // namespace sluice::pg
