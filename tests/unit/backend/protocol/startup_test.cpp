#include "backend/protocol/startup.hpp"

#include "backend/protocol/errc.hpp"
#include "tests/unit/backend/bytes.hpp"

#include <gtest/gtest.h>

namespace sluice::pg {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

StartupMessage parse_message(const Bytes& packet) {
    std::size_t size = 0;
    auto parsed = parse_startup_packet(packet, size);
    if (!parsed || !*parsed || !std::holds_alternative<StartupMessage>(**parsed)) {
        ADD_FAILURE() << "no StartupMessage";
        return {};
    }
    EXPECT_EQ(size, packet.size());
    return std::get<StartupMessage>(std::move(**parsed));
}

TEST(StartupPacket, ReadsVersionAndParameters) {
    const auto message = parse_message(
        startup_packet(3, 2, "user\0app\0database\0shop\0_pq_.x\0on\0options\0-c a=b\0\0"sv));
    EXPECT_EQ(message.version, (ProtocolVersion{3, 2}));
    EXPECT_EQ(message.user(), "app");
    EXPECT_EQ(message.database(), "shop");
    EXPECT_EQ(message.find("options"), "-c a=b");
    EXPECT_EQ(message.find("absent"), std::nullopt);
    EXPECT_EQ(message.protocol_options(), std::vector<std::string>{"_pq_.x"});
}

TEST(StartupPacket, TheDatabaseDefaultsToTheUser) {
    EXPECT_EQ(parse_message(startup_packet(3, 0, "user\0app\0\0"sv)).database(), "app");
    EXPECT_EQ(parse_message(startup_packet(3, 0, "user\0app\0database\0\0\0"sv)).database(), "app");
}

TEST(StartupPacket, TheLastOfRepeatedParametersCounts) {
    EXPECT_EQ(parse_message(startup_packet(3, 0, "user\0a\0user\0b\0\0"sv)).user(), "b");
}

TEST(StartupPacket, MayHaveNoParameters) {
    EXPECT_TRUE(parse_message(startup_packet(3, 0, "\0"sv)).parameters.empty());
}

TEST(StartupPacket, LeavesWhatFollows) {
    Bytes in = startup_packet(3, 0, "user\0a\0\0"sv);
    const std::size_t packet_size = in.size();
    append(in, "pipelined"sv);
    std::size_t size = 0;
    const auto parsed = parse_startup_packet(in, size);
    ASSERT_TRUE(parsed && *parsed);
    EXPECT_EQ(size, packet_size);
}

TEST(StartupPacket, WaitsUntilItIsComplete) {
    const Bytes packet = startup_packet(3, 0, "user\0a\0\0"sv);
    for (std::size_t count = 0; count < packet.size(); ++count) {
        SCOPED_TRACE(count);
        std::size_t size = 0;
        const auto parsed = parse_startup_packet(ByteView(packet).first(count), size);
        ASSERT_TRUE(parsed);
        EXPECT_FALSE(*parsed);
    }
}

TEST(StartupPacket, RefusesBadLengthsAfterFourBytes) {
    for (const std::uint32_t length :
         {0U, 1U, 2U, 3U, 4U, 5U, 6U, 7U, 10'001U, 0x7FFF'FFFFU, 0x8000'0000U, 0xFFFF'FFFFU}) {
        SCOPED_TRACE(length);
        Bytes in;
        ByteWriter(in).u32(length);
        std::size_t size = 0;
        const auto parsed = parse_startup_packet(in, size);
        ASSERT_FALSE(parsed);
        EXPECT_EQ(parsed.error().code, Errc::invalid_startup_length);
        EXPECT_EQ(parsed.error().detail, "invalid length of startup packet");
    }
}

TEST(StartupPacket, AcceptsTheLargestLength) {
    std::string body = "user\0a\0options\0"s + std::string(10'000 - 8 - 15 - 2, 'x');
    body += "\0\0"sv;
    const Bytes packet = startup_packet(3, 0, body);
    ASSERT_EQ(packet.size(), startup_bytes_max);
    EXPECT_EQ(parse_message(packet).user(), "a");
}

TEST(StartupPacket, RefusesMalformedOnes) {
    struct Case {
        const char* name;
        Bytes packet;
        Errc code;
    };
    const Case cases[] = {
        {"no terminator at all", startup_packet(3, 0, ""), Errc::invalid_startup_layout},
        {"name without NUL", startup_packet(3, 0, "user"), Errc::invalid_startup_layout},
        {"name without value", startup_packet(3, 0, "user\0"sv), Errc::invalid_startup_layout},
        {"value without NUL", startup_packet(3, 0, "user\0a"sv), Errc::invalid_startup_layout},
        {"no final NUL", startup_packet(3, 0, "user\0a\0"sv), Errc::invalid_startup_layout},
        {"bytes behind the end",
         startup_packet(3, 0, "user\0a\0\0x"sv),
         Errc::invalid_startup_layout},
        {"NULs behind the end",
         startup_packet(3, 0, "user\0a\0\0\0"sv),
         Errc::invalid_startup_layout},
        {"not UTF-8", startup_packet(3, 0, "user\0\xff\0\0"sv), Errc::invalid_startup_layout},
        {"version 2", startup_packet(2, 0, "user\0a\0\0"sv), Errc::unsupported_protocol},
        {"version 4", startup_packet(4, 0, "user\0a\0\0"sv), Errc::unsupported_protocol},
        {"version 0", startup_packet(0, 0, ""), Errc::unsupported_protocol},
        {"unknown request", startup_packet(1234, 5681, ""), Errc::unsupported_protocol},
        {"SSLRequest with a body", startup_packet(1234, 5679, "x"), Errc::invalid_startup_length},
        {"GSSENCRequest with a body",
         startup_packet(1234, 5680, "x"),
         Errc::invalid_startup_length},
        {"cancel without anything", startup_packet(1234, 5678, ""), Errc::invalid_cancel_length},
        {"cancel with half a pid", startup_packet(1234, 5678, "ab"), Errc::invalid_cancel_length},
        {"cancel without key", startup_packet(1234, 5678, "abcd"), Errc::invalid_cancel_length},
        {"cancel with a short key",
         startup_packet(1234, 5678, "abcdefg"),
         Errc::invalid_cancel_length},
        {"cancel with a key of 257",
         startup_packet(1234, 5678, std::string(4 + 257, 'k')),
         Errc::invalid_cancel_length},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(test.name);
        std::size_t size = 0;
        const auto parsed = parse_startup_packet(test.packet, size);
        ASSERT_FALSE(parsed);
        EXPECT_EQ(parsed.error().code, test.code);
        EXPECT_EQ(parsed.error().kind, ErrorKind::client);
    }
}

TEST(StartupPacket, NamesTheVersionsThatAreSpoken) {
    std::size_t size = 0;
    const auto parsed = parse_startup_packet(startup_packet(4, 0, "\0"sv), size);
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().detail,
              "unsupported frontend protocol 4.0: server supports 3.0 to 3.2");
}

TEST(StartupPacket, ReadsCancelRequestsOfBothProtocols) {
    for (const std::size_t key_size : {std::size_t{4}, std::size_t{32}, std::size_t{256}}) {
        SCOPED_TRACE(key_size);
        CancelRequest request;
        request.pid = 0x01020304;
        request.key = Bytes(key_size, 7);
        Bytes packet;
        EXPECT_TRUE(encode_cancel_request(packet, request));
        EXPECT_EQ(packet.size(), 12 + key_size);

        std::size_t size = 0;
        const auto parsed = parse_startup_packet(packet, size);
        ASSERT_TRUE(parsed && *parsed);
        const auto* cancel = std::get_if<CancelRequest>(&**parsed);
        ASSERT_NE(cancel, nullptr);
        EXPECT_EQ(cancel->pid, request.pid);
        EXPECT_EQ(cancel->key, request.key);
    }
}

TEST(StartupPacket, ReadsEncryptionRequests) {
    Bytes ssl;
    encode_ssl_request(ssl);
    EXPECT_EQ(as_text(ssl), "\0\0\0\x08\x04\xd2\x16\x2f"sv);
    Bytes gss;
    encode_gss_enc_request(gss);
    EXPECT_EQ(as_text(gss), "\0\0\0\x08\x04\xd2\x16\x30"sv);

    std::size_t size = 0;
    EXPECT_TRUE(std::holds_alternative<SslRequest>(**parse_startup_packet(ssl, size)));
    EXPECT_TRUE(std::holds_alternative<GssEncRequest>(**parse_startup_packet(gss, size)));
}

TEST(StartupPacket, EncodesWhatItReads) {
    const Bytes packet = startup_packet(3, 2, "user\0app\0application_name\0\0\0"sv);
    Bytes again;
    EXPECT_TRUE(encode_startup(again, parse_message(packet)));
    EXPECT_EQ(again, packet);
}

TEST(Negotiation, AnswersOnlyWhatDiffers) {
    struct Case {
        const char* name;
        std::uint16_t asked;
        std::string_view body;
        std::optional<std::uint16_t> answered;
        std::vector<std::string> options;
    };
    const Case cases[] = {
        {"3.0", 0, "user\0a\0\0"sv, std::nullopt, {}},
        {"3.2", 2, "user\0a\0\0"sv, std::nullopt, {}},
        {"3.3", 3, "user\0a\0\0"sv, 2, {}},
        {"grease",
         9999,
         "user\0a\0_pq_.test_protocol_negotiation\0\0\0"sv,
         2,
         {"_pq_.test_protocol_negotiation"}},
        // The answer may not name more than was asked for.
        {"3.0 with options", 0, "user\0a\0_pq_.x\0y\0_pq_.z\0\0\0"sv, 0, {"_pq_.x", "_pq_.z"}},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(test.name);
        const auto negotiation =
            negotiate(parse_message(startup_packet(3, test.asked, test.body)), 2);
        ASSERT_EQ(negotiation.has_value(), test.answered.has_value());
        if (!negotiation) continue;
        EXPECT_EQ(negotiation->minor, *test.answered);
        EXPECT_EQ(negotiation->unrecognized, test.options);
    }
}

TEST(Options, SplitAsTheServerDoes) {
    struct Case {
        std::string_view text;
        std::vector<std::string> words;
    };
    const Case cases[] = {
        {"", {}},
        {" \t\n\v\f\r ", {}},
        {"-c a=b", {"-c", "a=b"}},
        {"  -c   a=b  ", {"-c", "a=b"}},
        {"-c search_path=a\\ b", {"-c", "search_path=a b"}},
        {"a\\\\b", {"a\\b"}},
        {"a\\", {"a"}},
        {"\\", {""}},
        {"\\\\ \\ x", {"\\", " x"}},
        {"endpoint=x\t--work_mem=1", {"endpoint=x", "--work_mem=1"}},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(test.text);
        EXPECT_EQ(split_options(test.text), test.words);
    }
}

TEST(Options, JoiningAndSplittingGivesTheSameWords) {
    const std::vector<std::string> words = {"-c", "a=b c", "back\\slash", "tab\there", "end\\"};
    EXPECT_EQ(split_options(join_options(words)), words);
    EXPECT_EQ(join_options({"-c", "a=b c"}), "-c a=b\\ c");
}

}  // namespace
}  // namespace sluice::pg
