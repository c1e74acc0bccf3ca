#include "backend/auth/scram_server.hpp"

#include "backend/auth/scram.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sluice::pg {
namespace {

using namespace std::string_view_literals;

// RFC 7677, 3.
constexpr std::string_view rfc_first = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
constexpr std::string_view rfc_challenge =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
constexpr std::string_view rfc_response =
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
    "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
constexpr std::string_view rfc_final = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

constexpr auto sha_256 = scram_sha_256;
constexpr auto sha_256_plus = scram_sha_256_plus;

ScramServer::Options rfc_options() {
    static const ScramSecret secret =
        make_scram_secret(Secret("pencil"), *crypto::parse_base64("W22ZaJ0SNY7soEsUEjb6gQ=="));
    ScramServer::Options options;
    options.role = "user";
    options.secret = secret;
    options.nonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    return options;
}

ScramServer::Options binding_options() {
    ScramServer::Options options = rfc_options();
    options.end_point = Bytes{1, 2, 3};
    return options;
}

TEST(ScramServer, SpeaksTheExampleOfRfc7677) {
    ScramServer server(rfc_options());
    const auto challenge = server.first(sha_256, rfc_first);
    ASSERT_TRUE(challenge);
    EXPECT_EQ(*challenge, rfc_challenge);
    const auto last = server.final(rfc_response);
    ASSERT_TRUE(last) << last.error().tell.message;
    EXPECT_EQ(*last, rfc_final);
    // StoredKey is the hash of what the client proved to have.
    EXPECT_EQ(crypto::sha256(server.client_key()), rfc_options().secret.stored_key);
}

TEST(ScramServer, OffersPlusWhereItCanBind) {
    EXPECT_EQ(ScramServer::mechanisms(false), std::vector{sha_256});
    EXPECT_EQ(ScramServer::mechanisms(true), (std::vector{sha_256_plus, sha_256}));
}

struct Refusal {
    ScramFailure::Reason reason;
    std::string_view code;
    std::string_view message;
    std::string_view detail = "";
};

void expect_refusal(const Expected<std::string, ScramFailure>& answer, const Refusal& expected) {
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().reason, expected.reason);
    EXPECT_EQ(answer.error().tell.severity, "FATAL");
    EXPECT_EQ(answer.error().tell.code, expected.code);
    EXPECT_EQ(answer.error().tell.message, expected.message);
    EXPECT_EQ(answer.error().tell.detail, expected.detail);
}

void expect_malformed(const Expected<std::string, ScramFailure>& answer, std::string_view detail) {
    expect_refusal(answer,
                   {ScramFailure::Reason::malformed, "08P01", "malformed SCRAM message", detail});
}

// What the server says to a client-first-message.
Expected<std::string, ScramFailure> first(std::string_view mechanism,
                                          std::string_view message,
                                          ScramServer::Options options = rfc_options()) {
    return ScramServer(std::move(options)).first(mechanism, message);
}

// What the server says to a client-final-message behind the example's first.
Expected<std::string, ScramFailure> final(std::string_view message,
                                          ScramServer::Options options = rfc_options()) {
    ScramServer server(std::move(options));
    EXPECT_TRUE(server.first(sha_256, rfc_first));
    return server.final(message);
}

// The example's response with one piece exchanged.
std::string response_with(std::string_view piece, std::string_view other) {
    std::string response(rfc_response);
    return response.replace(response.find(piece), piece.size(), other);
}

TEST(ScramServer, RefusesMechanismsThatItDidNotOffer) {
    const Refusal refusal = {ScramFailure::Reason::unsupported,
                             "08P01",
                             "client selected an invalid SASL authentication mechanism"};
    expect_refusal(first("SCRAM-SHA-1", rfc_first), refusal);
    expect_refusal(first("", rfc_first), refusal);
    expect_refusal(first(sha_256_plus, rfc_first), refusal);
    EXPECT_TRUE(first(sha_256, rfc_first));
    EXPECT_TRUE(first(sha_256, rfc_first, binding_options()));
}

TEST(ScramServer, RefusesEmptyMessages) {
    expect_malformed(first(sha_256, ""), "The message is empty.");
    expect_malformed(final(""), "The message is empty.");
}

TEST(ScramServer, RefusesNulCharacters) {
    expect_malformed(first(sha_256, "n,,n=user,r=rOpr\0NGfw"sv),
                     "Message length does not match input length.");
    expect_malformed(final(std::string(rfc_response) + '\0'),
                     "Message length does not match input length.");
}

TEST(ScramServer, PlusNeedsBindingData) {
    for (const std::string_view flag : {"n", "y"}) {
        expect_malformed(first(sha_256_plus, std::string(flag) + ",,n=,r=abc", binding_options()),
                         "The client selected SCRAM-SHA-256-PLUS, but the SCRAM message does not "
                         "include channel binding data.");
    }
}

TEST(ScramServer, NoticesThatPlusWasCutOutOfTheOffer) {
    expect_refusal(first(sha_256, "y,,n=,r=abc", binding_options()),
                   {ScramFailure::Reason::binding,
                    "28000",
                    "SCRAM channel binding negotiation error",
                    "The client supports SCRAM channel binding but thinks the server does not.  "
                    "However, this server does support channel binding."});
    EXPECT_TRUE(first(sha_256, "y,,n=,r=abc"));
}

TEST(ScramServer, BindingDataNeedsPlus) {
    for (const auto& options : {rfc_options(), binding_options()}) {
        expect_malformed(first(sha_256, "p=tls-server-end-point,,n=,r=abc", options),
                         "The client selected SCRAM-SHA-256 without channel binding, but the SCRAM "
                         "message includes channel binding data.");
    }
}

TEST(ScramServer, BindsToTheEndPointOnly) {
    expect_refusal(first(sha_256_plus, "p=tls-unique,,n=,r=abc", binding_options()),
                   {ScramFailure::Reason::binding,
                    "08P01",
                    "unsupported SCRAM channel-binding type \"tls-unique\""});
}

TEST(ScramServer, RefusesUnknownBindingFlags) {
    expect_malformed(first(sha_256, "x,,n=,r=abc"), "Unexpected channel-binding flag \"x\".");
    expect_malformed(first(sha_256, "\x01,,n=,r=abc"),
                     "Unexpected channel-binding flag \"\\x01\".");
}

TEST(ScramServer, RefusesAuthorizationIdentities) {
    expect_refusal(first(sha_256, "n,a=other,n=,r=abc"),
                   {ScramFailure::Reason::unsupported,
                    "0A000",
                    "client uses authorization identity, but it is not supported"});
}

TEST(ScramServer, RefusesMandatoryExtensions) {
    expect_refusal(first(sha_256, "n,,m=x,n=,r=abc"),
                   {ScramFailure::Reason::unsupported,
                    "0A000",
                    "client requires an unsupported SCRAM extension"});
}

TEST(ScramServer, NoncesArePrintable) {
    const Refusal refusal = {
        ScramFailure::Reason::malformed, "08P01", "non-printable characters in SCRAM nonce"};
    for (const std::string_view nonce : {" ", "a b", "\x1f", "\x7f", "\xc3\xa4"}) {
        expect_refusal(first(sha_256, "n,,n=,r=" + std::string(nonce)), refusal);
    }
    EXPECT_TRUE(first(sha_256, "n,,n=,r=!~+/="));
}

TEST(ScramServer, RefusesFirstMessagesOfAnotherForm) {
    struct Case {
        std::string_view message;
        std::string_view detail;
    };
    const Case cases[] = {
        {"n", "Comma expected, but found end of the message."},
        {"nn=user", "Comma expected, but found \"n\"."},
        {"n,", "Unexpected attribute end of the message in client-first-message."},
        {"n,n=user", "Unexpected attribute \"n\" in client-first-message."},
        {"n,,", "Expected attribute \"n\" but found end of the message."},
        {"n,,r=abc,n=", "Expected attribute \"n\" but found \"r\"."},
        {"n,,n=user", "Expected attribute \"r\" but found end of the message."},
        {"n,,n=user,x=r", "Expected attribute \"r\" but found \"x\"."},
        {"p", "Expected attribute \"p\" but found \"p\"."},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(test.message);
        expect_malformed(first(sha_256, test.message), test.detail);
    }
}

TEST(ScramServer, OptionalExtensionsAreSigned) {
    ScramClient::Options options;
    options.password = Secret("pencil");
    options.nonce = "rOprNGfwEbeRWgbNEkqO";
    ScramClient client(std::move(options));
    ScramServer server(rfc_options());
    const auto challenge = server.first(sha_256, client.first() + ",x=1");
    ASSERT_TRUE(challenge);
    const auto response = client.challenge(*challenge);
    ASSERT_TRUE(response);
    // The client did not sign the extension.
    const auto answer = server.final(*response);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().reason, ScramFailure::Reason::wrong_password);
}

TEST(ScramServer, ChecksTheChannel) {
    // base64("p=tls-server-end-point,," 01 02 03), the same with 04, the same without data.
    struct Case {
        const char* name;
        std::string_view binding;
        bool right;
    };
    const Case cases[] = {
        {"ours", "cD10bHMtc2VydmVyLWVuZC1wb2ludCwsAQID", true},
        {"another", "cD10bHMtc2VydmVyLWVuZC1wb2ludCwsAQIE", false},
        {"none", "cD10bHMtc2VydmVyLWVuZC1wb2ludCws", false},
        {"of n", "biws", false},
        {"empty", "", false},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(test.name);
        ScramServer server(binding_options());
        ASSERT_TRUE(server.first(sha_256_plus, "p=tls-server-end-point,,n=,r=abc"));
        const auto answer = server.final("c=" + std::string(test.binding) +
                                         ",r=abc%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                                         "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
        if (test.right) {
            // It fails later: the proof belongs to another exchange.
            ASSERT_FALSE(answer);
            EXPECT_EQ(answer.error().reason, ScramFailure::Reason::wrong_password);
        } else {
            expect_refusal(
                answer,
                {ScramFailure::Reason::binding, "28000", "SCRAM channel binding check failed"});
        }
    }
}

TEST(ScramServer, TheFlagIsRepeatedInTheFinalMessage) {
    const Refusal refusal = {ScramFailure::Reason::malformed,
                             "08P01",
                             "unexpected SCRAM channel-binding attribute in client-final-message"};
    expect_refusal(final(response_with("biws", "eSws")), refusal);
    expect_refusal(final(response_with("biws", "")), refusal);
    ScramServer server(rfc_options());
    ASSERT_TRUE(server.first(sha_256, "y,,n=user,r=rOprNGfwEbeRWgbNEkqO"));
    expect_refusal(server.final(rfc_response), refusal);
}

TEST(ScramServer, TheNonceIsRepeatedInTheFinalMessage) {
    const Refusal refusal = {ScramFailure::Reason::malformed,
                             "08P01",
                             "invalid SCRAM response",
                             "Nonce does not match."};
    for (const auto& [piece, other] : {std::pair("$k0", "$k1"),
                                       std::pair("$k0", "$k"),
                                       std::pair("$k0", "$k00"),
                                       std::pair("%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", "")}) {
        expect_refusal(final(response_with(piece, other)), refusal);
    }
}

TEST(ScramServer, RefusesProofsThatAreNoSignature) {
    constexpr std::string_view proof = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
    for (const std::string_view other : {""sv,
                                         "dHzb"sv,
                                         "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ"sv,
                                         "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=="sv,
                                         "dHzbdHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="sv,
                                         "!HzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="sv}) {
        expect_malformed(final(response_with(proof, other)),
                         "Malformed proof in client-final-message.");
    }
}

TEST(ScramServer, RefusesBytesBehindTheProof) {
    expect_malformed(final(std::string(rfc_response) + ",x=1"),
                     "Garbage found at the end of client-final-message.");
}

TEST(ScramServer, RefusesFinalMessagesOfAnotherForm) {
    struct Case {
        std::string message;
        std::string_view detail;
    };
    const Case cases[] = {
        {response_with("c=biws,", ""), "Expected attribute \"c\" but found \"r\"."},
        {"c=biws", "Expected attribute \"r\" but found end of the message."},
        {response_with(",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", ""),
         "Attribute expected, but found end of the message."},
        {response_with(",p=", ",1=x,p="), "Attribute expected, but found \"1\"."},
        {response_with(",p=", ",x,p="), "Attribute expected, but found \"x\"."},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(test.message);
        expect_malformed(final(test.message), test.detail);
    }
}

const Refusal wrong_password = {ScramFailure::Reason::wrong_password,
                                "28P01",
                                "password authentication failed for user \"user\""};

TEST(ScramServer, EveryChangedCharacterOfTheProofFails) {
    const std::size_t begin = rfc_response.find(",p=") + 3;
    // All but the padding, and the last digit: there only one other is base64 at all.
    for (std::size_t i = begin; i + 2 < rfc_response.size(); ++i) {
        std::string changed(rfc_response);
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        SCOPED_TRACE(changed);
        expect_refusal(final(changed), wrong_password);
    }
}

// Messages of both sides, as a client with this password sees them.
struct Dialogue {
    Expected<std::string, ScramFailure> challenge;
    Expected<std::string, ScramFailure> answer;
    bool proved = false;  // to the client
};

Dialogue talk(ScramServer::Options server_options, ScramClient::Options client_options) {
    ScramClient client(std::move(client_options));
    ScramServer server(std::move(server_options));
    Dialogue dialogue{server.first(client.mechanism(), client.first()), std::string()};
    if (!dialogue.challenge) return dialogue;
    const auto response = client.challenge(*dialogue.challenge);
    EXPECT_TRUE(response);
    dialogue.answer = server.final(*response);
    dialogue.proved = dialogue.answer && client.finish(*dialogue.answer);
    return dialogue;
}

ScramClient::Options client_options(const char* password) {
    ScramClient::Options options;
    options.password = Secret(password);
    options.nonce = "rOprNGfwEbeRWgbNEkqO";
    return options;
}

TEST(ScramServer, ClientAndServerAgreeInEveryBinding) {
    struct Case {
        const char* name;
        ScramClient::Binding binding;
        Bytes of_client;
        Bytes of_server;
        bool agree;
    };
    using Binding = ScramClient::Binding;
    const Case cases[] = {
        {"none", Binding::none, {}, {}, true},
        {"none, though offered", Binding::none, {}, {1, 2}, true},
        {"not offered", Binding::server_lacks, {1, 2}, {}, true},
        {"end point", Binding::end_point, {1, 2}, {1, 2}, true},
        {"offered, but not seen", Binding::server_lacks, {1, 2}, {1, 2}, false},
        {"another end point", Binding::end_point, {1, 2}, {1, 3}, false},
        {"shorter end point", Binding::end_point, {1, 2}, {1}, false},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(test.name);
        ScramServer::Options server = rfc_options();
        server.end_point = test.of_server;
        ScramClient::Options client = client_options("pencil");
        client.binding = test.binding;
        client.end_point = test.of_client;
        EXPECT_EQ(talk(std::move(server), std::move(client)).proved, test.agree);
    }
}

TEST(ScramServer, AMockFailsAtTheEndLikeAWrongPassword) {
    ScramServer::Options mock = rfc_options();
    mock.secret = mock_scram_secret(as_bytes("0123456789abcdef"), "user");
    mock.mock = true;
    const Dialogue unknown = talk(std::move(mock), client_options("pencil"));
    const Dialogue known = talk(rfc_options(), client_options("penci1"));

    ASSERT_TRUE(unknown.challenge && known.challenge);
    EXPECT_EQ(unknown.challenge->size(), known.challenge->size());
    EXPECT_TRUE(unknown.challenge->ends_with(",i=4096")) << *unknown.challenge;
    expect_refusal(known.answer, wrong_password);
    expect_refusal(unknown.answer, wrong_password);
}

TEST(ScramServer, AMockIsNotEnteredWithItsOwnPassword) {
    ScramServer::Options mock = rfc_options();
    mock.mock = true;
    expect_refusal(talk(std::move(mock), client_options("pencil")).answer, wrong_password);
}

}  // namespace
}  // namespace sluice::pg
