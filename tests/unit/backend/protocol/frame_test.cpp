#include "backend/protocol/frame.hpp"

#include "backend/protocol/errc.hpp"
#include "tests/unit/backend/bytes.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace sluice::pg {
namespace {

using namespace std::string_view_literals;

TEST(FrameDecoder, ReturnsMessagesOneByOne) {
    const Bytes in = bytes_of(
        "Q\0\0\0\x06"
        "a\0S\0\0\0\x04"sv);
    FrameDecoder decoder(100);

    const auto first = decoder.next(in);
    ASSERT_TRUE(first && *first);
    EXPECT_EQ((*first)->tag, 'Q');
    EXPECT_EQ(as_text((*first)->body), "a\0"sv);
    EXPECT_EQ((*first)->size(), 7U);

    const auto second = decoder.next(ByteView(in).subspan((*first)->size()));
    ASSERT_TRUE(second && *second);
    EXPECT_EQ((*second)->tag, 'S');
    EXPECT_TRUE((*second)->body.empty());
}

TEST(FrameDecoder, WaitsForTheRestOfASplitMessage) {
    const Bytes in = bytes_of(
        "Q\0\0\0\x06"
        "a\0"sv);
    FrameDecoder decoder(100);
    for (std::size_t count = 0; count < in.size(); ++count) {
        SCOPED_TRACE(count);
        const auto frame = decoder.next(ByteView(in).first(count));
        ASSERT_TRUE(frame);
        EXPECT_FALSE(*frame);
        EXPECT_EQ(decoder.wanted(), count < 5 ? 5 - count : in.size() - count);
    }
}

TEST(FrameDecoder, BodyPointsIntoTheInput) {
    const Bytes in = bytes_of(
        "d\0\0\0\x08"
        "data"sv);
    FrameDecoder decoder(100);
    const auto frame = decoder.next(in);
    ASSERT_TRUE(frame && *frame);
    EXPECT_EQ((*frame)->body.data(), in.data() + 5);
}

TEST(FrameDecoder, RefusesLengthsOutsideItsBoundsFromTheHeaderAlone) {
    struct Case {
        const char* name;
        std::string_view header;
    };
    const Case cases[] = {
        {"zero", "Q\0\0\0\0"sv},
        {"below its own size", "Q\0\0\0\x03"sv},
        {"one above the limit", "Q\0\0\0\x0f"sv},
        {"two gigabytes", "Q\x80\0\0\0"sv},
        {"largest", "Q\xff\xff\xff\xff"sv},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(test.name);
        FrameDecoder decoder(10);
        const auto frame = decoder.next(bytes_of(test.header));
        ASSERT_FALSE(frame);
        EXPECT_EQ(frame.error().code, Errc::invalid_message_length);
        EXPECT_EQ(frame.error().kind, ErrorKind::client);
    }
}

TEST(FrameDecoder, AcceptsABodyOfExactlyTheLimit) {
    FrameDecoder decoder(2);
    const auto frame =
        decoder.next(bytes_of("Q\0\0\0\x06"
                              "a\0"sv));
    EXPECT_TRUE(frame && *frame);
}

TEST(FrameDecoder, TheLimitCanChangeBetweenMessages) {
    const Bytes in = bytes_of(
        "Q\0\0\0\x06"
        "a\0"sv);
    FrameDecoder decoder(1);
    EXPECT_FALSE(decoder.next(in));
    decoder.set_body_bytes_max(2);
    EXPECT_TRUE(decoder.next(in));
}

TEST(FrameDecoder, AnswersTheSameInAnyPieces) {
    Bytes in;
    std::mt19937 random(20240229);
    for (int i = 0; i < 200; ++i) {
        ByteWriter writer(in);
        writer.u8(static_cast<std::uint8_t>('a' + i % 26));
        const std::uint32_t size = random() % 40;
        writer.u32(4 + size);
        writer.bytes(Bytes(size, static_cast<std::uint8_t>(i)));
    }
    const auto messages = [&](auto piece_size) {
        FrameDecoder decoder(40);
        std::vector<std::string> found;
        std::size_t begin = 0;
        std::size_t end = 0;
        while (begin < in.size()) {
            end = std::min(in.size(), end + piece_size());
            for (;;) {
                const auto frame = decoder.next(ByteView(in).subspan(begin, end - begin));
                if (!frame || !*frame) break;
                found.push_back((*frame)->tag + std::string(as_text((*frame)->body)));
                begin += (*frame)->size();
            }
        }
        return found;
    };

    const auto whole = messages([&] { return in.size(); });
    EXPECT_EQ(whole.size(), 200U);
    EXPECT_EQ(messages([] { return std::size_t{1}; }), whole);
    for (int round = 0; round < 20; ++round) {
        EXPECT_EQ(messages([&] { return std::size_t{1} + random() % 90; }), whole)
            << "round " << round;
    }
}

TEST(FrameLook, TellsWhatIsMissing) {
    const Bytes in = bytes_of(
        "d\0\0\0\x08"
        "data"sv);
    for (std::size_t count = 0; count < in.size(); ++count) {
        SCOPED_TRACE(count);
        const FrameLook look = look_at_frame(ByteView(in).first(count), 4);
        EXPECT_EQ(look.state, FrameLook::State::incomplete);
        EXPECT_EQ(look.wanted, count < 5 ? 5 - count : in.size() - count);
    }
    const FrameLook look = look_at_frame(in, 4);
    ASSERT_EQ(look.state, FrameLook::State::complete);
    EXPECT_EQ(look.frame.tag, 'd');
    EXPECT_EQ(look.frame.body.data(), in.data() + 5);
    EXPECT_EQ(look.frame.size(), in.size());
}

TEST(FrameLook, NamesABadLength) {
    const FrameLook look = look_at_frame(bytes_of("d\0\0\0\x09"sv), 4);
    ASSERT_EQ(look.state, FrameLook::State::bad_length);
    const Error error = bad_message_length(look.length);
    EXPECT_EQ(error.code, Errc::invalid_message_length);
    EXPECT_EQ(error.detail, "message length 9");
}

}  // namespace
}  // namespace sluice::pg
